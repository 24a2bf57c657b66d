import type { SamplingParameters, TokenLogprobs } from '../../core/inference/index.ts';
import type { ModelFacts } from '../../core/models/index.ts';

/** Text of a prompt, cut where it changes between the template's own words and a caller's words that must stay plain text. */
export interface PromptText {
  readonly text: string;
  /** `yes`: names of control tokens in the text become those tokens. */
  readonly parsesSpecial: 'yes' | 'no';
}

/** How an engine wants its conversations written. */
export type Prompting =
  | {
      readonly type: 'template';
      /** Jinja source from the model file; absent when the model has none. */
      readonly source?: string;
      readonly bosText: string;
      readonly eosText: string;
      /** Every text that would be read as a control token. */
      readonly controlTokens: readonly string[];
    }
  /** The text of the last message is the whole prompt. */
  | { readonly type: 'last-message' };

/** One sequence's part of a step. */
export interface StepRow {
  readonly slot: number;
  /** Tokens to compute; their positions in the sequence start at `position`. */
  readonly tokens: readonly number[];
  readonly position: number;
  /** Rows that need a result: the last token, every token, or none (a part of a prompt). */
  readonly outputs: 'none' | 'last' | 'all';
}

/** What an engine computes at once. */
export interface Step {
  readonly rows: readonly StepRow[];
  /** `hidden` also keeps the last layer's state of every output, for embeddings. */
  readonly results: 'logits' | 'hidden';
  /** `exact`: the results must not depend on what else is in the step, on how prompts were cut, or on the thread count. */
  readonly precision: 'exact' | 'fast';
}

/** `exact` even when only `fast` was asked for, if it happened to be. `no-room`: the pool is full and nothing was computed. */
export type StepOutcome = 'exact' | 'fast' | 'no-room';

/** The place of one token in the step just executed: index over all rows' tokens, in order. */
export type OutputIndex = number;

/** How one sequence chooses its tokens. */
export interface SamplerOptions {
  readonly parameters: SamplingParameters;
  /** Unsigned 32-bit. */
  readonly seed: number;
  /** GBNF with a rule named `root`. */
  readonly grammar?: string;
  readonly promptTokens: readonly number[];
  readonly ignoresEnd: 'yes' | 'no';
}

/** Chooses tokens for one sequence and keeps its random state, its penalties and its place in the grammar. */
export interface Sampler {
  /** Picks and accepts a token from an output of the step just executed. Throws PlinthError `engine_failed` when nothing is allowed. */
  sample(output: OutputIndex): number;
  close(): void;
}

/**
 * Executes batches on hardware. Synchronous; owned by one runner in a process of its own. Slots are numbered 0…facts.slots−1; the
 * runner decides what they hold and the engine keeps their attention state.
 */
export interface Engine {
  readonly facts: ModelFacts;
  readonly prompting: Prompting;
  /** Tokens of attention state that all slots share. */
  readonly poolTokens: number;
  /** Most tokens of one step. */
  readonly stepTokens: number;
  /** Most tokens of one exact step. */
  readonly exactStepTokens: number;
  readonly vocabularySize: number;
  /** `no`: computing is free, so slots keep nothing between sequences. */
  readonly reusesPrefixes: 'yes' | 'no';
  /** `whole` engines must see an input to embed in one step. */
  readonly embedding: 'none' | 'chunked' | 'whole';
  /** Compute threads now in use. */
  threads(): number;
  tokenize(prompt: readonly PromptText[], options: { readonly addsSpecial: 'yes' | 'no' }): number[];
  /** Tokens around a gap to fill; undefined when the vocabulary has none for it. */
  infill(prefix: string, suffix: string): number[] | undefined;
  /** UTF-8 bytes of a token, possibly part of a character; empty for control tokens. */
  tokenBytes(token: number): Uint8Array;
  isEnd(token: number): boolean;
  /** Throws PlinthError `unsupported_schema` when the engine cannot follow the grammar. */
  createSampler(options: SamplerOptions): Sampler;
  /** Throws PlinthError `engine_failed`. */
  execute(step: Step): StepOutcome;
  /** Natural-log probabilities of `token` and the `top` most likely tokens, before penalties and temperature. */
  logprobs(output: OutputIndex, choice: { readonly token: number; readonly top: number }): TokenLogprobs;
  /** The last layer's state of an output of a `hidden` step, or the pooled one of its row for `whole` engines. */
  hidden(output: OutputIndex): Float32Array;
  /** Drops a slot's state from position `length` on. */
  keepPrefix(slot: number, length: number): void;
  /** As `keepPrefix`, but the room of what is dropped is not used again before `reclaim`. */
  buryTail(slot: number, length: number): void;
  /** Frees the room that `buryTail` left taken. */
  reclaim(): void;
  /** Makes `to` start with the first `length` tokens of `from`; `to` must be empty. */
  copyPrefix(from: number, to: number, length: number): void;
  close(): void;
}
