import type { TranscriptSegment } from '../../../core/inference/index.ts';

type Cue = Pick<TranscriptSegment, 'start' | 'end' | 'text'>;

/** SubRip. */
export function formatSrt(segments: readonly Cue[]): string {
  return segments
    .map(({ start, end, text }, index) => `${index + 1}\n${srtTime(start)} --> ${srtTime(end)}\n${cueText(text)}\n\n`)
    .join('');
}

/** WebVTT. */
export function formatVtt(segments: readonly Cue[]): string {
  const cues = segments.map(({ start, end, text }) => `${vttTime(start)} --> ${vttTime(end)}\n${cueText(text)}\n\n`);
  return `WEBVTT\n\n${cues.join('')}`;
}

/** An arrow would be read as times, an empty line as the end of the cue. */
function cueText(text: string): string {
  return text
    .trim()
    .replaceAll('-->', '->')
    .replaceAll(/\s*\n\s*/g, ' ');
}

function srtTime(seconds: number): string {
  return timeOf(seconds).join(':').replace('.', ',');
}

/** The hour is left out in the first one. */
function vttTime(seconds: number): string {
  const parts = timeOf(seconds);
  return (parts[0] === '00' ? parts.slice(1) : parts).join(':');
}

function timeOf(seconds: number): readonly string[] {
  const milliseconds = Math.max(0, Math.round(seconds * 1000));
  const whole = Math.floor(milliseconds / 1000);
  const pad = (value: number, digits = 2): string => String(value).padStart(digits, '0');
  return [pad(Math.floor(whole / 3600)), pad(Math.floor(whole / 60) % 60), `${pad(whole % 60)}.${pad(milliseconds % 1000, 3)}`];
}
