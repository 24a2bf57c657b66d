import type { InferenceEvent, Tensor, TranscribeRequest, TranscriptSegment } from '../../../core/inference/index.ts';
import type { ItemOutcome, WorkItem } from '../../task.ts';
import { HOP_LENGTH, SAMPLE_RATE, type Sound } from '../audio/index.ts';
import {
  chooseAmong,
  compressionOf,
  cutSegments,
  fillWindow,
  isInaudible,
  isSilent,
  WINDOW_FRAMES,
  WindowDecoder,
  type TokenSegment,
  type WhisperGraphs,
  type WhisperSettings,
  type WhisperVocabulary,
  type WindowResult,
} from '../whisper/index.ts';
import { timeWords, type TranscriptWords } from './time-words.ts';

/** A loaded Whisper model. */
export interface Whisper {
  readonly graphs: WhisperGraphs;
  readonly vocabulary: WhisperVocabulary;
  readonly settings: WhisperSettings;
}

export interface TranscriptionOptions {
  readonly whisper: Whisper;
  readonly sound: Sound;
  readonly request: TranscribeRequest;
  /** Code of the spoken language; found out when undefined. */
  readonly language: string | undefined;
}

/** Tokens of one step, so that other requests get their turn. */
const STEP_TOKENS = 16;
const FRAMES_A_SECOND = SAMPLE_RATE / HOP_LENGTH;
/** Frames of one timestamp. */
const TIMESTAMP_FRAMES = 2;
const SECONDS_A_TIMESTAMP = TIMESTAMP_FRAMES / FRAMES_A_SECOND;
/** A rest shorter than this holds no word. */
const LEAST_REST_FRAMES = 10;
const FALLBACK_TEMPERATURES = [0, 0.2, 0.4, 0.6, 0.8, 1];
/** Text that was drawn at a higher temperature misleads what follows. */
const MOST_TRUSTED_TEMPERATURE = 0.5;

interface OpenWindow {
  readonly heard: Tensor;
  /** Frames of the window that hold sound. */
  readonly frames: number;
  decoder: WindowDecoder | undefined;
}

/** One audio on its way into words: window after window, each in many small steps. */
export class Transcription implements WorkItem {
  readonly shapeClass = 'sound';
  readonly rows = 1;
  readonly rowCost = 1;
  readonly promptTokens: number;
  readonly seconds: number;
  language: string | undefined;
  readonly #whisper: Whisper;
  readonly #sound: Sound;
  readonly #request: TranscribeRequest;
  readonly #frames: number;
  readonly #draw: () => number;
  /** Text so far; the next window goes on from what lies after `#trustedFrom`. */
  readonly #context: number[];
  #trustedFrom = 0;
  #seek = 0;
  #segments = 0;
  #tokens = 0;
  #window: OpenWindow | undefined;

  constructor({ whisper, sound, request, language }: TranscriptionOptions) {
    this.#whisper = whisper;
    this.#sound = sound;
    this.#request = request;
    this.seconds = sound.seconds;
    this.language = language;
    this.#frames = Math.max(1, Math.floor(sound.seconds * FRAMES_A_SECOND));
    this.promptTokens = Math.ceil(this.#frames / TIMESTAMP_FRAMES);
    this.#draw = createDraw(this.#frames);
    const prompt = (request.prompt ?? '').trim();
    this.#context = prompt === '' ? [] : [...whisper.vocabulary.encode(` ${prompt}`)];
  }

  /** Bytes that it keeps. */
  get heldBytes(): number {
    return this.#sound.values.byteLength;
  }

  /** One bounded piece of work: hear a window, or make some tokens. */
  step(): ItemOutcome {
    if (this.#window === undefined && isInaudible(this.#sound, this.#seek)) {
      this.#seek += Math.min(WINDOW_FRAMES, this.#frames - this.#seek);
      return this.#goOn([]);
    }
    if (this.#window === undefined) {
      this.#window = this.#hear();
      return { type: 'continued', events: [] };
    }
    this.#window.decoder ??= this.#begin(this.#window.heard);
    const result = this.#window.decoder.advance(STEP_TOKENS);
    if (result === undefined) return { type: 'continued', events: [] };
    const events = this.#close(this.#window, result);
    this.#window = undefined;
    return this.#goOn(events);
  }

  #goOn(events: readonly InferenceEvent[]): ItemOutcome {
    const rest = this.#frames - this.#seek;
    if (rest >= LEAST_REST_FRAMES) return { type: 'continued', events };
    return { type: 'finished', events, completionTokens: this.#tokens };
  }

  #hear(): OpenWindow {
    const { graphs, settings, vocabulary } = this.#whisper;
    const frames = Math.min(WINDOW_FRAMES, this.#frames - this.#seek);
    const heard = graphs.encode(fillWindow(this.#sound, this.#seek), settings.bands);
    if (this.language === undefined) {
      const { logits } = graphs.begin([vocabulary.startOfTranscript], heard);
      this.language = vocabulary.languageOf(chooseAmong(logits, vocabulary.languages.values()) ?? -1);
    }
    return { heard, frames, decoder: undefined };
  }

  /** Long audio needs timestamps to know where the next window begins, whether they were asked for or not. */
  get #timestamps(): 'on' | 'off' {
    return this.#request.timestamps === 'none' && this.#frames <= WINDOW_FRAMES ? 'off' : 'on';
  }

  #begin(heard: Tensor): WindowDecoder {
    const { graphs, vocabulary, settings } = this.#whisper;
    const half = Math.floor(settings.textPositions / 2);
    const context = this.#context.slice(this.#trustedFrom).slice(1 - half);
    const previous =
      context.length === 0 || vocabulary.startOfPrevious === undefined ? [] : [vocabulary.startOfPrevious, ...context];
    const start = vocabulary.start(this.language, this.#request.task);
    const timestamps = this.#timestamps;
    const prompt = [...previous, ...start, ...(timestamps === 'off' ? [vocabulary.noTimestamps] : [])];
    const { temperature } = this.#request;
    return new WindowDecoder(graphs, vocabulary, {
      heard,
      prompt,
      rules: {
        suppressed: settings.suppressed,
        suppressedAtStart: settings.suppressedAtStart,
        endOfText: vocabulary.endOfText,
        timestampBegin: vocabulary.timestampBegin,
        timestamps,
      },
      temperatures: temperature === 0 ? FALLBACK_TEMPERATURES : [temperature],
      mostTokens: Math.min(half, settings.textPositions - prompt.length),
      draw: this.#draw,
    });
  }

  #close(window: OpenWindow, result: WindowResult): readonly InferenceEvent[] {
    const offset = this.#seek;
    if (isSilent(result)) {
      this.#seek += window.frames;
      return [];
    }
    const { vocabulary } = this.#whisper;
    const length = Math.ceil(window.frames / TIMESTAMP_FRAMES);
    const { segments, next } = cutSegments(result.tokens, vocabulary.timestampBegin, length);
    this.#seek += Math.min(window.frames, next * TIMESTAMP_FRAMES);
    const spoken = segments.filter(({ start, end, tokens }) => start < end && vocabulary.decode(tokens).trim() !== '');
    this.#tokens += result.tokens.length;
    for (const { tokens } of spoken) this.#context.push(...tokens);
    if (result.temperature > MOST_TRUSTED_TEMPERATURE) this.#trustedFrom = this.#context.length;
    const words = this.#timeWords(window, spoken);
    return spoken.map((segment, index) => ({
      type: 'transcript-segment',
      segment: this.#describe(segment, result, { offset, words: words?.[index] }),
    }));
  }

  #timeWords(window: OpenWindow, segments: readonly TokenSegment[]): readonly TranscriptWords[] | undefined {
    if (this.#request.timestamps !== 'word') return undefined;
    return timeWords(this.#whisper, {
      heard: window.heard,
      segments,
      positions: Math.ceil(window.frames / TIMESTAMP_FRAMES),
      language: this.language,
      task: this.#request.task,
    });
  }

  #describe(
    { start, end, tokens }: TokenSegment,
    result: WindowResult,
    place: { readonly offset: number; readonly words: TranscriptWords | undefined },
  ): TranscriptSegment {
    const text = this.#whisper.vocabulary.decode(tokens);
    const base = place.offset / FRAMES_A_SECOND;
    const { words } = place;
    return {
      index: this.#segments++,
      start: toHundredths(base + start * SECONDS_A_TIMESTAMP),
      end: toHundredths(Math.min(this.seconds, base + end * SECONDS_A_TIMESTAMP)),
      text,
      tokens,
      temperature: result.temperature,
      averageLogprob: result.averageLogprob,
      compressionRatio: compressionOf(text),
      noSpeechProbability: result.noSpeechProbability,
      ...(words === undefined
        ? {}
        : {
            words: words.map((word) => ({
              word: word.word,
              start: toHundredths(base + word.start),
              end: toHundredths(Math.min(this.seconds, base + word.end)),
            })),
          }),
    };
  }
}

function toHundredths(seconds: number): number {
  return Math.round(seconds * 100) / 100;
}

/** Even numbers in 0…1 (mulberry32), so that the same audio gives the same text. */
function createDraw(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
