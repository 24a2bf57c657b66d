import type { ErrorFacts } from '../errors/index.ts';
import type { Tensor, TensorParameter } from './tensor.ts';

/** A likely token at a place; `bytes` are its UTF-8 bytes, which may be a part of a character. */
export interface AlternativeToken {
  readonly text: string;
  readonly bytes: readonly number[];
  readonly logprob: number;
}

/** The chosen token, and the most likely ones at its place. `logprob` is null for a first prompt token, which nothing predicts. */
export interface TokenLogprobs {
  readonly text: string;
  readonly bytes: readonly number[];
  readonly logprob: number | null;
  readonly top: readonly AlternativeToken[];
}

export type FinishReason = 'stop' | 'length' | 'tool-calls';

/** Tokens to book. `cachedTokens` are among `promptTokens`. */
export interface Usage {
  readonly promptTokens: number;
  /** Prompt tokens whose state was reused. */
  readonly cachedTokens: number;
  readonly completionTokens: number;
}

/** The execution of the batch that a request was part of. Times in milliseconds. */
export interface ExecutionReport {
  /** Rows of the whole batch, those of other requests included. */
  readonly batchRows: number;
  /** Rows of this request. */
  readonly ownRows: number;
  /** Of all requests of a batch one leads, so that executions can be counted. */
  readonly isLead: boolean;
  readonly inputMs: number;
  readonly inferMs: number;
  readonly outputMs: number;
}

/** Where a request's time in the worker went, in milliseconds. */
export interface RequestTimings {
  /** Present when whole requests were batched; the last execution where there were several. */
  readonly execution?: ExecutionReport;
  /** From arrival in the worker until the first prompt token was read. */
  readonly queueMs: number;
  /** From then until the first token was out. */
  readonly prefillMs: number;
  readonly decodeMs: number;
}

/** One class with its place among the model's classes. */
export interface ScoredClass {
  readonly classIndex: number;
  readonly label: string;
  readonly score: number;
}

/** A stretch of speech. Times in seconds from the start of the audio. */
export interface TranscriptSegment {
  readonly index: number;
  readonly start: number;
  readonly end: number;
  readonly text: string;
  readonly tokens: readonly number[];
  readonly temperature: number;
  readonly averageLogprob: number;
  /** UTF-8 bytes over deflated bytes: high when the text repeats itself. */
  readonly compressionRatio: number;
  readonly noSpeechProbability: number;
  /** Only when words were asked for. */
  readonly words?: ReadonlyArray<{ readonly word: string; readonly start: number; readonly end: number }>;
}

/**
 * One piece of an answer. A request's events end with exactly one `finished` or `failed`; every choice of a finished request has
 * had exactly one `choice-finished` before it. `usage-report` comes once, right before `finished`.
 */
export type InferenceEvent =
  | {
      readonly type: 'text-delta';
      readonly choice: number;
      /** Whole UTF-8 characters. May be empty when only `logprobs` are carried. */
      readonly text: string;
      readonly logprobs?: readonly TokenLogprobs[];
    }
  | {
      /** `id` and `name` come with the first delta of an `index` only; `argumentsText` pieces concatenate to JSON. */
      readonly type: 'tool-call-delta';
      readonly choice: number;
      readonly index: number;
      readonly id?: string;
      readonly name?: string;
      readonly argumentsText: string;
    }
  | {
      readonly type: 'choice-finished';
      readonly choice: number;
      readonly reason: FinishReason;
    }
  | {
      /** float32 little-endian, `values.length` = 4 × dimensions. */
      readonly type: 'embedding';
      readonly index: number;
      readonly values: Uint8Array;
    }
  | {
      /** `by` tells how it was found: by a model that reads both texts together, or as the likeness of two vectors. */
      readonly type: 'score';
      readonly index: number;
      readonly score: number;
      readonly by: 'cross-encoder' | 'embedding';
    }
  | {
      /** Best first. */
      readonly type: 'classification';
      readonly index: number;
      readonly classes: readonly ScoredClass[];
    }
  | {
      /** `box` is left, top, right, bottom in pixels of the picture as sent. */
      readonly type: 'object-found';
      readonly label: string;
      readonly score: number;
      readonly box: readonly [number, number, number, number];
    }
  | {
      /** `corners` are x, y pairs in pixels, clockwise from the text's top left. */
      readonly type: 'text-found';
      readonly text: string;
      readonly score: number;
      readonly corners: ReadonlyArray<readonly [number, number]>;
    }
  | { readonly type: 'transcript-segment'; readonly segment: TranscriptSegment }
  | { readonly type: 'transcript-report'; readonly language: string; readonly durationSeconds: number }
  | {
      /** A part of response number `response`, which counts from 0 and is whole with its `response-finished`. */
      readonly type: 'tensor';
      readonly response: number;
      readonly tensor: Tensor;
    }
  | {
      readonly type: 'response-finished';
      readonly response: number;
      readonly parameters?: Readonly<Record<string, Exclude<TensorParameter, bigint>>>;
    }
  | { readonly type: 'usage-report'; readonly usage: Usage }
  | { readonly type: 'finished'; readonly timings: RequestTimings }
  | { readonly type: 'failed'; readonly error: ErrorFacts };

export type TerminalEvent = Extract<InferenceEvent, { type: 'finished' | 'failed' }>;

/** Whether nothing follows this event. */
export function isTerminal(event: InferenceEvent): event is TerminalEvent {
  return event.type === 'finished' || event.type === 'failed';
}
