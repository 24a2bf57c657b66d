import { PlinthError } from '../../../core/errors/index.ts';
import type { InferenceEvent, TranscriptSegment } from '../../../core/inference/index.ts';
import { formatOpenAiError } from '../openai/index.ts';
import { formatSrt, formatVtt } from './subtitles.ts';
import type { TranscriptionWish } from './transcription-fields.ts';

type Report = Extract<InferenceEvent, { type: 'transcript-report' }>;

/** The body of an answer and its content type. */
export interface TranscriptBody {
  readonly contentType: string;
  readonly text: string;
}

const JSON_TYPE = 'application/json; charset=utf-8';
const PLAIN_TYPE = 'text/plain; charset=utf-8';
const FRAMES_A_SECOND = 100;
const STREAM_END = 'data: [DONE]\n\n';

/** Collects a transcript into one body, or sends it on piece by piece as server-sent events. */
export class TranscriptAnswer {
  readonly #wish: TranscriptionWish;
  readonly #task: 'transcribe' | 'translate';
  readonly #segments: TranscriptSegment[] = [];
  #report: Report | undefined;

  constructor(wish: TranscriptionWish, task: 'transcribe' | 'translate') {
    this.#wish = wish;
    this.#task = task;
  }

  take(event: InferenceEvent): void {
    if (event.type === 'transcript-segment') this.#segments.push(event.segment);
    if (event.type === 'transcript-report') this.#report = event;
  }

  /** Throws when the transcript is not complete. */
  toBody(): TranscriptBody {
    const report = this.#requireReport();
    switch (this.#wish.format) {
      case 'json':
        return { contentType: JSON_TYPE, text: JSON.stringify({ text: this.#text, usage: usageOf(report) }) };
      case 'verbose_json':
        return { contentType: JSON_TYPE, text: JSON.stringify(this.#describe(report)) };
      case 'text':
        return { contentType: PLAIN_TYPE, text: `${this.#text}\n` };
      case 'srt':
        return { contentType: PLAIN_TYPE, text: formatSrt(this.#segments) };
      case 'vtt':
        return { contentType: 'text/vtt; charset=utf-8', text: formatVtt(this.#segments) };
    }
  }

  /** What an event puts into a stream. */
  toChunks(event: InferenceEvent): string {
    if (event.type === 'failed') return `data: ${formatOpenAiError(event.error).body}\n\n`;
    if (event.type === 'finished') return this.#lastChunks();
    const isFirst = this.#segments.length === 0;
    this.take(event);
    if (event.type !== 'transcript-segment') return '';
    const { index, start, end, text } = event.segment;
    const delta = chunk({ type: 'transcript.text.delta', delta: isFirst ? text.trimStart() : text });
    if (this.#wish.format !== 'verbose_json') return delta;
    return delta + chunk({ type: 'transcript.text.segment', id: `seg_${index}`, start, end, text: text.trim() });
  }

  get #text(): string {
    return this.#segments
      .map(({ text }) => text)
      .join('')
      .trim();
  }

  #lastChunks(): string {
    const usage = usageOf(this.#requireReport());
    return chunk({ type: 'transcript.text.done', text: this.#text, usage }) + STREAM_END;
  }

  #describe(report: Report): object {
    const { granularities } = this.#wish;
    const words = this.#segments.flatMap((segment) => segment.words ?? []);
    return {
      task: this.#task,
      language: languageName(this.#task === 'translate' ? 'en' : report.language),
      duration: report.durationSeconds,
      text: this.#text,
      ...(granularities.has('segment') ? { segments: this.#segments.map(describeSegment) } : {}),
      ...(granularities.has('word') ? { words: words.map((word) => ({ ...word, word: word.word.trim() })) } : {}),
      usage: usageOf(report),
    };
  }

  #requireReport(): Report {
    if (this.#report !== undefined) return this.#report;
    throw new PlinthError({ code: 'engine_failed', message: 'The model did not finish its transcript.' });
  }
}

function chunk(event: object): string {
  return `data: ${JSON.stringify(event)}\n\n`;
}

function usageOf({ durationSeconds }: Report): object {
  return { type: 'duration', seconds: Math.ceil(durationSeconds) };
}

function describeSegment(segment: TranscriptSegment): object {
  return {
    id: segment.index,
    seek: Math.round(segment.start * FRAMES_A_SECOND),
    start: segment.start,
    end: segment.end,
    text: segment.text,
    tokens: segment.tokens,
    temperature: segment.temperature,
    avg_logprob: segment.averageLogprob,
    compression_ratio: segment.compressionRatio,
    no_speech_prob: segment.noSpeechProbability,
  };
}

const names = new Intl.DisplayNames(['en'], { type: 'language', fallback: 'code' });
/** Codes that only Whisper writes so. */
const OWN_NAMES: Readonly<Record<string, string>> = { jw: 'javanese' };

/** `english` for `en`, as OpenAI writes it. */
function languageName(code: string): string {
  try {
    return OWN_NAMES[code] ?? (names.of(code) ?? code).toLowerCase();
  } catch {
    return code;
  }
}
