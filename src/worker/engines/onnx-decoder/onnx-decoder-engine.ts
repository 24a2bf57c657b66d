import { PlinthError } from '../../../core/errors/index.ts';
import type { TokenLogprobs } from '../../../core/inference/index.ts';
import type { ModelFacts } from '../../../core/models/index.ts';
import type {
  Engine,
  OutputIndex,
  Prompting,
  PromptText,
  Sampler,
  SamplerOptions,
  Step,
  StepOutcome,
  StepRow,
} from '../engine.ts';
import { logprobsOf } from '../logprobs.ts';
import type { OnnxGraph } from '../onnx/index.ts';
import { cutState, emptyState, type AttentionState } from './attention-state.ts';
import { runDecoder } from './decoder-run.ts';
import { DecoderSampler } from './decoder-sampler.ts';
import type { DecoderVocabulary } from './decoder-vocabulary.ts';
import type { DecoderPorts } from './find-decoder-ports.ts';
import { StepLogits } from './step-logits.ts';

/** The logits of a whole step lie in memory at once. */
const MOST_LOGITS_BYTES = 256 * 1024 * 1024;
const MOST_STEP_TOKENS = 512;
/** Exact tokens are run one by one, and a step of them should not hold up the others for long. */
const EXACT_STEP_TOKENS = 32;

export interface OnnxDecoderParts {
  readonly graph: OnnxGraph;
  readonly ports: DecoderPorts;
  readonly vocabulary: DecoderVocabulary;
  readonly vocabularySize: number;
  readonly poolTokens: number;
  readonly template: string | undefined;
  readonly facts: ModelFacts;
}

interface Seat {
  state: AttentionState;
  /** Tokens that count; the state may hold more until it is used again. */
  length: number;
}

/** A causal language model in ONNX Runtime. Every row is a run of its own, with the slot's state going in and coming out. */
export class OnnxDecoderEngine implements Engine {
  readonly facts: ModelFacts;
  readonly prompting: Prompting;
  readonly poolTokens: number;
  readonly stepTokens: number;
  readonly exactStepTokens = EXACT_STEP_TOKENS;
  readonly vocabularySize: number;
  readonly reusesPrefixes = 'yes';
  readonly embedding = 'none';
  readonly #parts: OnnxDecoderParts;
  readonly #empty: AttentionState;
  readonly #seats: Seat[];
  readonly #logits: StepLogits;
  readonly #ends: ReadonlySet<number>;
  /** Dropped tokens whose room is not free yet. */
  #buried = 0;

  constructor(parts: OnnxDecoderParts) {
    const { graph, ports, vocabulary, facts, template } = parts;
    this.#parts = parts;
    this.facts = facts;
    this.poolTokens = parts.poolTokens;
    this.vocabularySize = parts.vocabularySize;
    const affordable = Math.floor(MOST_LOGITS_BYTES / (parts.vocabularySize * Float32Array.BYTES_PER_ELEMENT));
    this.stepTokens = Math.max(EXACT_STEP_TOKENS, Math.min(MOST_STEP_TOKENS, affordable));
    this.prompting = {
      type: 'template',
      bosText: vocabulary.bosText,
      eosText: vocabulary.eosText,
      controlTokens: vocabulary.controlTexts,
      ...(template === undefined ? {} : { source: template }),
    };
    this.#empty = emptyState(graph, ports.states);
    this.#seats = Array.from({ length: facts.slots }, () => ({ state: this.#empty.hold(), length: 0 }));
    this.#logits = new StepLogits(parts.vocabularySize);
    this.#ends = new Set(vocabulary.endTokens);
  }

  threads(): number {
    return this.#parts.graph.threads;
  }

  tokenize(prompt: readonly PromptText[], { addsSpecial }: { readonly addsSpecial: 'yes' | 'no' }): number[] {
    return this.#parts.vocabulary.tokenize(prompt, addsSpecial);
  }

  infill(): undefined {
    return undefined;
  }

  tokenBytes(token: number): Uint8Array {
    return this.#parts.vocabulary.bytes(token);
  }

  isEnd(token: number): boolean {
    return this.#ends.has(token);
  }

  createSampler(options: SamplerOptions): Sampler {
    const logits = (output: OutputIndex) => this.#row(output);
    return new DecoderSampler({ endTokens: [...this.#ends], logits }, options);
  }

  execute(step: Step): StepOutcome {
    this.#logits.clear();
    const tokens = step.rows.reduce((sum, row) => sum + row.tokens.length, 0);
    const held = this.#seats.reduce((sum, seat) => sum + seat.length, this.#buried);
    if (held + tokens > this.poolTokens) return 'no-room';
    let end = 0;
    for (const row of step.rows) {
      const start = end;
      end += row.tokens.length;
      // How long inputs are rounds differently in matrix products, and scales of 8-bit inputs are those of the whole run.
      const size = step.precision === 'exact' ? 1 : row.tokens.length;
      for (let at = 0; at < row.tokens.length; at += size) this.#run(row, { at, size, firstOutput: start });
    }
    const isExact = step.precision === 'exact' || step.rows.every((row) => row.tokens.length === 1);
    return isExact ? 'exact' : 'fast';
  }

  logprobs(output: OutputIndex, choice: { readonly token: number; readonly top: number }): TokenLogprobs {
    const { logprob, top } = logprobsOf(this.#row(output), choice);
    return {
      ...this.#spell(choice.token),
      logprob,
      top: top.map((one) => ({ ...this.#spell(one.token), logprob: one.logprob })),
    };
  }

  hidden(): Float32Array {
    throw new PlinthError({ code: 'unsupported_capability', message: 'This model gives no hidden states, so it cannot embed.' });
  }

  keepPrefix(slot: number, length: number): void {
    const seat = this.#seat(slot);
    seat.length = Math.min(seat.length, length);
    if (seat.length === 0) this.#seatState(seat, this.#empty.hold());
  }

  buryTail(slot: number, length: number): void {
    this.#buried += Math.max(0, this.#seat(slot).length - length);
    this.keepPrefix(slot, length);
  }

  reclaim(): void {
    this.#buried = 0;
  }

  copyPrefix(from: number, to: number, length: number): void {
    const [source, target] = [this.#seat(from), this.#seat(to)];
    this.#seatState(target, source.state.hold());
    target.length = Math.min(length, source.length);
  }

  close(): void {
    this.#logits.clear();
    for (const { state } of this.#seats) state.release();
    this.#empty.release();
    this.#parts.graph.close();
  }

  #run(row: StepRow, { at, size, firstOutput }: { at: number; size: number; firstOutput: number }): void {
    const { graph, ports } = this.#parts;
    const seat = this.#seat(row.slot);
    const tokens = row.tokens.slice(at, at + size);
    const position = row.position + at;
    if (position > seat.length) throw new RangeError(`slot ${row.slot} holds ${seat.length} tokens, none up to ${position}`);
    if (position !== seat.state.tokens) {
      this.#seatState(seat, cutState(graph, { ports: ports.states, state: seat.state, tokens: position }));
    }
    const wanted = row.outputs === 'all' ? 'all' : 'last';
    const { logits, state } = runDecoder(graph, ports, { state: seat.state, tokens, wanted });
    this.#seatState(seat, state);
    seat.length = state.tokens;
    const isLast = at + size >= row.tokens.length;
    if (row.outputs === 'all' || (row.outputs === 'last' && isLast)) {
      this.#logits.add(logits, firstOutput + at + tokens.length - 1);
    } else logits.close();
  }

  #seat(slot: number): Seat {
    const seat = this.#seats[slot];
    if (seat === undefined) throw new RangeError(`there is no slot ${slot}`);
    return seat;
  }

  #seatState(seat: Seat, state: AttentionState): void {
    seat.state.release();
    seat.state = state;
  }

  #row(output: OutputIndex): Float32Array {
    const row = this.#logits.row(output);
    if (row === undefined) throw new PlinthError({ code: 'engine_failed', message: 'The step gave no result for a token.' });
    return row;
  }

  #spell(token: number) {
    const bytes = [...this.tokenBytes(token)];
    return { text: Buffer.from(bytes).toString('utf8'), bytes };
  }
}
