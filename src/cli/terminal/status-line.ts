import { formatProgressBar, formatProgressLine, fractionOf, type Progress } from './progress-line.ts';
import type { Terminal } from './terminal.ts';

const ERASE_LINE = '\r\u001b[K';
const REDRAW_MS = 100;
const PLAIN_LINE_MS = 5000;
const PLAIN_LINES = 10;
/** Rate over the recent past, not since the start: what was on disk already must not count. */
const RATE_WINDOW_MS = 3000;

/** The bottom line of a terminal while something is fetched; on anything else, a plain line now and then. */
export interface StatusLine {
  update(progress: Omit<Progress, 'bytesPerSecond'>): void;
  /** Writes whole lines above the status line. */
  writeAbove(text: string): void;
  clear(): void;
}

interface Sample {
  readonly atMs: number;
  readonly bytes: number;
}

interface Track {
  readonly samples: Sample[];
  plainAtMs: number;
  plainFraction: number;
}

/** Redraws at most ten times a second; a plain line comes every tenth of the whole or every 5 s. */
export function openStatusLine(terminal: Terminal, nowMs: () => number = () => performance.now()): StatusLine {
  const tracks = new Map<string, Track>();
  let shown = '';
  let drawnAtMs = -Infinity;
  const draw = (text: string) => {
    terminal.write(ERASE_LINE + text);
    shown = text;
    drawnAtMs = nowMs();
  };
  return {
    update: (given) => {
      const track = tracks.get(given.label) ?? { samples: [], plainAtMs: -Infinity, plainFraction: -1 };
      tracks.set(given.label, track);
      const progress = { ...given, bytesPerSecond: measureRate(track.samples, { atMs: nowMs(), bytes: given.receivedBytes }) };
      if (!terminal.isInteractive) writePlainly(terminal, { progress, track, atMs: nowMs() });
      else if (nowMs() - drawnAtMs >= REDRAW_MS || isWhole(progress)) draw(formatProgressBar(progress, terminal.columns));
    },
    writeAbove: (text) => {
      terminal.write(shown === '' ? text : ERASE_LINE + text + shown);
    },
    clear: () => {
      if (shown !== '') draw('');
    },
  };
}

function isWhole(progress: Progress): boolean {
  return progress.receivedBytes >= progress.totalBytes;
}

function measureRate(samples: Sample[], sample: Sample): number {
  samples.push(sample);
  while (samples.length > 2 && sample.atMs - (samples[0]?.atMs ?? 0) > RATE_WINDOW_MS) samples.shift();
  const first = samples[0] ?? sample;
  const seconds = (sample.atMs - first.atMs) / 1000;
  return seconds > 0.2 ? Math.max(0, sample.bytes - first.bytes) / seconds : 0;
}

function writePlainly(terminal: Terminal, update: { progress: Progress; track: Track; atMs: number }): void {
  const { progress, track, atMs } = update;
  const fraction = fractionOf(progress);
  const hasNewTenth = Math.floor(PLAIN_LINES * fraction) > Math.floor(PLAIN_LINES * track.plainFraction);
  if (!hasNewTenth && atMs - track.plainAtMs < PLAIN_LINE_MS) return;
  track.plainAtMs = atMs;
  track.plainFraction = fraction;
  terminal.write(`${formatProgressLine(progress)}\n`);
}
