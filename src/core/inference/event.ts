import type { ErrorFacts } from '../errors/index.ts';

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

/** Where a request's time in the worker went, in milliseconds. */
export interface RequestTimings {
  /** From arrival in the worker until the first prompt token was read. */
  readonly queueMs: number;
  /** From then until the first token was out. */
  readonly prefillMs: number;
  readonly decodeMs: number;
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
  | { readonly type: 'usage-report'; readonly usage: Usage }
  | { readonly type: 'finished'; readonly timings: RequestTimings }
  | { readonly type: 'failed'; readonly error: ErrorFacts };

export type TerminalEvent = Extract<InferenceEvent, { type: 'finished' | 'failed' }>;

/** Whether nothing follows this event. */
export function isTerminal(event: InferenceEvent): event is TerminalEvent {
  return event.type === 'finished' || event.type === 'failed';
}
