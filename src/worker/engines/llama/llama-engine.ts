import { availableParallelism } from 'node:os';
import koffi from 'koffi';
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
import { Candidates } from './candidates.ts';
import { LlamaSampler, type SamplerRoom } from './llama-sampler.ts';
import { logprobsOf } from '../logprobs.ts';
import type { Native, Pointer } from '../llama-library/index.ts';
import { StepBatch } from './step-batch.ts';
import { ThreadTuner } from './thread-tuner.ts';
import type { Vocabulary } from './vocabulary.ts';

const NO_ROOM = 1;
/**
 * ggml's CPU attention rounds differently from this many rows on (tiles), and for a single row that several threads share (split KV);
 * between the two a row's result is its own (ggml-cpu/ops.cpp, flash_attn_ext_f16).
 */
const TILE_ROWS = 64;
const EXACT_STEP_TOKENS = 48;
const CALIBRATION_STEPS = 3;
/** A thread count that is still measured after so long stalls. */
const CALIBRATION_MS = 400;
const TO_END = -1;

export interface LlamaEngineOptions {
  readonly native: Native;
  readonly model: Pointer;
  readonly context: Pointer;
  readonly vocabulary: Vocabulary;
  readonly poolTokens: number;
  readonly stepTokens: number;
  readonly embedsWhole: boolean;
  readonly keepsPrefixes: boolean;
  readonly template: string | undefined;
  /** 0 chooses by measuring. */
  readonly threads: number;
  readonly facts: ModelFacts;
}

/** llama.cpp over FFI: one context with a unified KV cache, one native batch, samplers of its own. */
export class LlamaEngine implements Engine {
  readonly facts: ModelFacts;
  readonly prompting: Prompting;
  readonly poolTokens: number;
  readonly stepTokens: number;
  readonly exactStepTokens: number;
  readonly vocabularySize: number;
  readonly reusesPrefixes: 'yes' | 'no';
  readonly embedding: 'chunked' | 'whole';
  readonly #options: LlamaEngineOptions;
  readonly #batch: StepBatch;
  readonly #memory: Pointer;
  readonly #tuner: ThreadTuner;
  readonly #samplerRoom: SamplerRoom;
  #threads = 0;
  #results: Step['results'] = 'logits';
  /** Slot of each output, for pooled embeddings. */
  #outputSlots: readonly number[] = [];

  constructor(options: LlamaEngineOptions) {
    const { native, context, vocabulary, template } = options;
    this.#options = options;
    this.facts = options.facts;
    this.poolTokens = options.poolTokens;
    this.stepTokens = options.stepTokens;
    this.exactStepTokens = options.embedsWhole ? options.stepTokens : EXACT_STEP_TOKENS;
    this.vocabularySize = vocabulary.size;
    this.reusesPrefixes = options.keepsPrefixes ? 'yes' : 'no';
    this.embedding = options.embedsWhole ? 'whole' : 'chunked';
    this.prompting = {
      type: 'template',
      bosText: vocabulary.bosText,
      eosText: vocabulary.eosText,
      controlTokens: vocabulary.controlTexts(),
      ...(template === undefined ? {} : { source: template }),
    };
    this.#batch = new StepBatch(native, options.stepTokens);
    this.#memory = native.memory(context);
    const candidates = new Candidates(native, vocabulary.size);
    this.#samplerRoom = { native, context, vocabulary, candidates, logits: (output) => this.#logits(output) };
    this.#tuner = new ThreadTuner(threadCandidates(options.threads), (threads) => this.#measure(threads));
    this.#useThreads(this.#tuner.threads);
  }

  threads(): number {
    return this.#threads;
  }

  tokenize(prompt: readonly PromptText[], { addsSpecial }: { readonly addsSpecial: 'yes' | 'no' }): number[] {
    return this.#options.vocabulary.tokenize(prompt, addsSpecial === 'yes');
  }

  infill(prefix: string, suffix: string): number[] | undefined {
    return this.#options.vocabulary.infill(prefix, suffix);
  }

  tokenBytes(token: number): Uint8Array {
    return this.#options.vocabulary.bytes(token);
  }

  isEnd(token: number): boolean {
    return this.#options.vocabulary.isEnd(token);
  }

  createSampler(options: SamplerOptions): Sampler {
    return new LlamaSampler(this.#samplerRoom, options);
  }

  execute(step: Step): StepOutcome {
    const { native, context, embedsWhole } = this.#options;
    if (!embedsWhole && step.results !== this.#results) native.setEmbeddings(context, step.results === 'hidden');
    this.#results = step.results;
    const tokens = step.rows.reduce((sum, row) => sum + row.tokens.length, 0);
    const isShared = tokens === 1 && this.#threads > 1;
    const isPadded = isShared && step.precision === 'exact';
    const batch = this.#batch.load(isPadded ? [...step.rows, this.#paddingRow()] : step.rows);
    const startedAt = performance.now();
    const outcome = native.decode(context, batch);
    if (isPadded) this.keepPrefix(this.#paddingSlot, 0);
    if (outcome === NO_ROOM) return 'no-room';
    if (outcome !== 0)
      throw new PlinthError({ code: 'engine_failed', message: `llama.cpp failed to compute a step (code ${outcome}).` });
    const now = performance.now();
    const attended = step.rows.reduce((sum, row) => sum + row.position + row.tokens.length, 0);
    this.#useThreads(this.#tuner.observe({ tokens: batch.n_tokens, attended }, now - startedAt, now));
    if (embedsWhole) this.#outputSlots = step.rows.flatMap((row) => row.tokens.map(() => row.slot));
    return tokens < TILE_ROWS && (!isShared || isPadded) ? 'exact' : 'fast';
  }

  logprobs(output: OutputIndex, choice: { readonly token: number; readonly top: number }): TokenLogprobs {
    const { logprob, top } = logprobsOf(this.#logits(output), choice);
    return {
      ...this.#spell(choice.token),
      logprob,
      top: top.map((one) => ({ ...this.#spell(one.token), logprob: one.logprob })),
    };
  }

  hidden(output: OutputIndex): Float32Array {
    const { native, context, embedsWhole } = this.#options;
    const slot = this.#outputSlots[output] ?? 0;
    const pointer = embedsWhole ? native.pooledEmbeddingsOf(context, slot) : native.embeddingsOf(context, output);
    return this.#floats(pointer, this.facts.embeddingDimensions);
  }

  keepPrefix(slot: number, length: number): void {
    if (this.#memory) this.#options.native.removeCells(this.#memory, slot, length, TO_END);
  }

  buryTail(slot: number, length: number): void {
    this.#options.native.copyCells(this.#memory, slot, this.#grave, length, TO_END);
    this.keepPrefix(slot, length);
  }

  reclaim(): void {
    this.keepPrefix(this.#grave, 0);
  }

  copyPrefix(from: number, to: number, length: number): void {
    this.#options.native.copyCells(this.#memory, from, to, 0, length);
  }

  close(): void {
    const { native, context, model } = this.#options;
    native.freeContext(context);
    native.freeModel(model);
  }

  /** Sequence number after those of the slots. */
  get #paddingSlot(): number {
    return this.facts.slots;
  }

  /** Sequence number that owns dropped cells whose room must stay taken. */
  get #grave(): number {
    return this.facts.slots + 1;
  }

  /** A companion for a lone token, whose result is thrown away. */
  #paddingRow(): StepRow {
    return { slot: this.#paddingSlot, tokens: [0], position: 0, outputs: 'none' };
  }

  #spell(token: number) {
    const bytes = [...this.tokenBytes(token)];
    return { text: Buffer.from(bytes).toString('utf8'), bytes };
  }

  #logits(output: OutputIndex): Float32Array {
    const { native, context } = this.#options;
    return this.#floats(native.logitsOf(context, output), this.vocabularySize);
  }

  #floats(pointer: Pointer, length: number): Float32Array {
    if (!pointer) throw new PlinthError({ code: 'engine_failed', message: 'llama.cpp gave no result for a step.' });
    return new Float32Array(koffi.view(pointer, length * Float32Array.BYTES_PER_ELEMENT));
  }

  #useThreads(threads: number): void {
    if (threads === this.#threads) return;
    this.#threads = threads;
    this.#options.native.setThreads(this.#options.context, threads, threads);
  }

  /** Best time of a one-token step. Leaves no state behind. */
  #measure(threads: number): number {
    this.#useThreads(threads);
    const { native, context, vocabulary } = this.#options;
    const token = vocabulary.tokenize([], true)[0] ?? 0;
    const begunAt = performance.now();
    let best = Infinity;
    for (let i = 0; i <= CALIBRATION_STEPS; i++) {
      const batch = this.#batch.load([{ slot: 0, tokens: [token], position: i, outputs: 'last' }]);
      const startedAt = performance.now();
      native.decode(context, batch);
      this.#logits(0);
      if (i > 0) best = Math.min(best, performance.now() - startedAt);
      if (performance.now() - begunAt > CALIBRATION_MS) break;
    }
    this.keepPrefix(0, 0);
    return best;
  }
}

function threadCandidates(wanted: number): readonly number[] {
  if (wanted > 0) return [wanted];
  const cores = availableParallelism();
  const counts = [1, 2, 4, 6, 8, 12, 16].filter((count) => count < cores);
  return [...counts, Math.min(cores, 16)];
}
