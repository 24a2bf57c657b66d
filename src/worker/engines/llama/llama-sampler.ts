import { PlinthError } from '../../../core/errors/index.ts';
import type { SamplingParameters } from '../../../core/inference/index.ts';
import type { OutputIndex, Sampler, SamplerOptions } from '../engine.ts';
import type { Candidates } from './candidates.ts';
import type { Native, Pointer } from '../llama-library/index.ts';
import type { Vocabulary } from './vocabulary.ts';

/** Penalties look back so far: the repeat penalty into the prompt too, presence and frequency at the answer alone. */
const PENALTY_TOKENS = 1024;

export interface SamplerRoom {
  readonly native: Native;
  readonly context: Pointer;
  readonly vocabulary: Vocabulary;
  readonly candidates: Candidates;
  logits(output: OutputIndex): Float32Array;
}

/**
 * A chain of llama.cpp's own samplers. A grammar is asked about the chain's pick alone; only when it says no are all tokens put to
 * it and the pick repeated, since asking about a whole vocabulary costs milliseconds (the order of llama.cpp's common/sampling.cpp).
 */
export class LlamaSampler implements Sampler {
  readonly #room: SamplerRoom;
  readonly #chain: Pointer;
  readonly #grammar: Pointer | undefined;
  #isClosed = false;

  constructor(room: SamplerRoom, options: SamplerOptions) {
    this.#room = room;
    this.#grammar = options.grammar === undefined ? undefined : compileGrammar(room, options.grammar);
    this.#chain = buildChain(room, options);
    if (options.parameters.repeatPenalty !== 1) {
      for (const token of options.promptTokens.slice(-PENALTY_TOKENS)) room.native.acceptToken(this.#chain, token);
    }
  }

  sample(output: OutputIndex): number {
    const { native, context } = this.#room;
    if (this.#grammar === undefined) return native.sample(this.#chain, context, output);
    const token = this.#sampleInGrammar(output, this.#grammar);
    native.acceptToken(this.#chain, token);
    native.acceptToken(this.#grammar, token);
    return token;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#room.native.freeSampler(this.#chain);
    if (this.#grammar !== undefined) this.#room.native.freeSampler(this.#grammar);
  }

  #sampleInGrammar(output: OutputIndex, grammar: Pointer): number {
    const { candidates } = this.#room;
    const logits = this.#room.logits(output);
    candidates.fill(logits);
    candidates.apply(this.#chain);
    const first = candidates.selected();
    if (first !== undefined && candidates.isAllowed(grammar, first)) return first;
    candidates.fill(logits);
    candidates.apply(grammar);
    candidates.apply(this.#chain);
    const second = candidates.selected();
    // Accepting a token that the grammar forbids would abort the process.
    if (second !== undefined && candidates.isAllowed(grammar, second)) return second;
    throw new PlinthError({
      code: 'engine_failed',
      message: 'The grammar of the answer allows none of the tokens of this model.',
    });
  }
}

function compileGrammar({ native, vocabulary }: SamplerRoom, grammar: string): Pointer {
  const pointer = native.grammarSampler(vocabulary.pointer, grammar, 'root');
  if (pointer) return pointer;
  throw new PlinthError({ code: 'unsupported_schema', message: 'The engine cannot follow the grammar made from this schema.' });
}

function hasPenalties({ repeatPenalty, frequencyPenalty, presencePenalty }: SamplingParameters): boolean {
  return repeatPenalty !== 1 || frequencyPenalty !== 0 || presencePenalty !== 0;
}

function buildChain({ native, vocabulary }: SamplerRoom, { parameters, seed, ignoresEnd }: SamplerOptions): Pointer {
  const chain = native.chainSamplers(true);
  const add = (sampler: Pointer) => native.addSampler(chain, sampler);
  const biases = [...parameters.logitBias];
  if (ignoresEnd === 'yes') biases.push(...endBiases(vocabulary));
  if (biases.length > 0) add(native.biasSampler(vocabulary.size, biases.length, packBiases(biases)));
  if (hasPenalties(parameters)) {
    const { repeatPenalty, frequencyPenalty, presencePenalty } = parameters;
    add(native.penaltySampler(vocabulary.size, PENALTY_TOKENS, repeatPenalty, frequencyPenalty, presencePenalty));
  }
  if (parameters.temperature === 0) {
    add(native.greedySampler());
    return chain;
  }
  if (parameters.topK > 0) add(native.topKSampler(parameters.topK));
  if (parameters.topP < 1) add(native.topPSampler(parameters.topP, 1));
  if (parameters.minP > 0) add(native.minPSampler(parameters.minP, 1));
  if (parameters.temperature !== 1) add(native.temperatureSampler(parameters.temperature));
  add(native.distributionSampler(seed));
  return chain;
}

function endBiases(vocabulary: Vocabulary): (readonly [number, number])[] {
  return Array.from({ length: vocabulary.size }, (_, token) => token)
    .filter((token) => vocabulary.isEnd(token))
    .map((token) => [token, -Infinity] as const);
}

/** llama_logit_bias: i32 token, f32 bias. */
function packBiases(biases: ReadonlyArray<readonly [number, number]>): Buffer {
  const packed = Buffer.alloc(biases.length * 8);
  biases.forEach(([token, bias], index) => {
    packed.writeInt32LE(token, index * 8);
    packed.writeFloatLE(bias, index * 8 + 4);
  });
  return packed;
}
