import type { InferenceEvent } from '../../core/inference/index.ts';
import type { Sampler } from '../engines/index.ts';
import type { ChoiceWriter } from '../output/index.ts';
import type { Sequence, SequenceStatus } from '../scheduling/index.ts';

/** The request that a sequence belongs to, as the sequence's results see it. */
export interface SequenceOwner {
  readonly isPaused: boolean;
  readonly hasStarted: boolean;
  emit(event: InferenceEvent): void;
  markStarted(now: number): void;
  markToken(now: number): void;
}

/** What a sequence is computed for. */
export type Work =
  | {
      readonly type: 'generate';
      readonly sampler: Sampler;
      readonly writer: ChoiceWriter;
      /** Alternatives to report for each token; absent: no log-probabilities. */
      readonly topLogprobs?: number;
      readonly echoesPrompt: boolean;
      readonly ignoresEnd: boolean;
    }
  | { readonly type: 'embed'; readonly index: number; readonly dimensions?: number; readonly sum: Float32Array };

interface WorkSequenceOptions<O extends SequenceOwner> {
  readonly owner: O;
  readonly promptTokens: readonly number[];
  readonly maxNewTokens: number;
  readonly outputs: 'last' | 'all';
  /** The first prompt token that an echo repeats. */
  readonly echoesFrom?: number;
  readonly prefill: 'chunked' | 'whole';
  readonly precision: 'exact' | 'fast';
  readonly work: Work;
  readonly leader?: WorkSequence<O>;
}

/** A scheduled sequence together with what is made of its tokens. */
export class WorkSequence<O extends SequenceOwner = SequenceOwner> implements Sequence {
  readonly owner: O;
  readonly work: Work;
  readonly tokens: number[];
  readonly promptLength: number;
  readonly maxNewTokens: number;
  readonly outputs: 'last' | 'all';
  readonly echoesFrom: number;
  readonly prefill: 'chunked' | 'whole';
  readonly precision: 'exact' | 'fast';
  readonly leader?: WorkSequence<O>;
  status: SequenceStatus = 'waiting';
  slot = -1;
  computed = 0;
  exactLength = 0;
  reused = 0;
  /** Prompt tokens that were cached when the sequence was first admitted. */
  firstReused = 0;
  hasWrittenPrompt = false;

  constructor(options: WorkSequenceOptions<O>) {
    this.owner = options.owner;
    this.work = options.work;
    this.tokens = [...options.promptTokens];
    this.promptLength = options.promptTokens.length;
    this.maxNewTokens = options.maxNewTokens;
    this.outputs = options.outputs;
    this.echoesFrom = options.echoesFrom ?? 0;
    this.prefill = options.prefill;
    this.precision = options.precision;
    if (options.leader !== undefined) this.leader = options.leader;
  }

  get isPaused(): boolean {
    return this.owner.isPaused;
  }

  get newTokens(): number {
    return this.tokens.length - this.promptLength;
  }
}
