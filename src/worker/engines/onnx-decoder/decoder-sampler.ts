import { PlinthError } from '../../../core/errors/index.ts';
import type { SamplingParameters } from '../../../core/inference/index.ts';
import type { OutputIndex, Sampler, SamplerOptions } from '../engine.ts';

/** The repeat penalty looks back so far, into the prompt too; presence and frequency look at the answer alone. */
const PENALTY_TOKENS = 1024;
/** Less likely than the likeliest by e to this power is never drawn. */
const UNLIKELY = 30;

export interface SamplerRoom {
  readonly endTokens: readonly number[];
  logits(output: OutputIndex): Float32Array;
}

/** Chooses tokens in the order of llama.cpp: biases, penalties, top-k, top-p, min-p, temperature, chance. */
export class DecoderSampler implements Sampler {
  readonly #room: SamplerRoom;
  readonly #parameters: SamplingParameters;
  readonly #biases: ReadonlyArray<readonly [number, number]>;
  readonly #random: RandomNumbers;
  readonly #recent: number[];
  readonly #counts = new Map<number, number>();

  constructor(room: SamplerRoom, { parameters, seed, promptTokens, ignoresEnd, grammar }: SamplerOptions) {
    if (grammar !== undefined) {
      const message = 'Models in ONNX format cannot keep to a JSON schema or be made to call tools; ask for plain text.';
      throw new PlinthError({ code: 'unsupported_schema', message });
    }
    this.#room = room;
    this.#parameters = parameters;
    const forbidden = ignoresEnd === 'yes' ? room.endTokens.map((token) => [token, -Infinity] as const) : [];
    this.#biases = [...parameters.logitBias, ...forbidden];
    this.#random = new RandomNumbers(seed);
    this.#recent = promptTokens.slice(-PENALTY_TOKENS);
  }

  sample(output: OutputIndex): number {
    const token = this.#choose(this.#adjust(this.#room.logits(output)));
    this.#recent.push(token);
    if (this.#recent.length > PENALTY_TOKENS) this.#recent.shift();
    this.#counts.set(token, (this.#counts.get(token) ?? 0) + 1);
    return token;
  }

  close(): void {
    this.#recent.length = 0;
  }

  #adjust(raw: Float32Array): Float32Array {
    const { repeatPenalty, frequencyPenalty, presencePenalty } = this.#parameters;
    const isPenalised = repeatPenalty !== 1 || frequencyPenalty !== 0 || presencePenalty !== 0;
    if (this.#biases.length === 0 && !isPenalised) return raw;
    const logits = raw.slice();
    const change = (token: number, by: (logit: number) => number) => {
      if (token < logits.length) logits[token] = by(logits[token] ?? 0);
    };
    for (const [token, bias] of this.#biases) change(token, (logit) => logit + bias);
    if (repeatPenalty !== 1) {
      for (const token of new Set(this.#recent)) {
        change(token, (logit) => (logit > 0 ? logit / repeatPenalty : logit * repeatPenalty));
      }
    }
    for (const [token, count] of this.#counts) {
      change(token, (logit) => logit - count * frequencyPenalty - presencePenalty);
    }
    return logits;
  }

  #choose(logits: Float32Array): number {
    const best = likeliest(logits);
    const highest = logits[best] ?? -Infinity;
    if (best < 0 || highest === -Infinity) {
      throw new PlinthError({ code: 'engine_failed', message: 'The model gave no usable logits, so there is no next token.' });
    }
    const { temperature } = this.#parameters;
    if (temperature === 0) return best;
    const kept = this.#keep(candidatesOf(logits, highest));
    return this.#draw(kept.map(({ token, logit }) => ({ token, weight: Math.exp((logit - highest) / temperature) })));
  }

  #keep(candidates: Candidate[]): readonly Candidate[] {
    const { topK, topP, minP } = this.#parameters;
    if (topK === 0 && topP >= 1 && minP === 0) return candidates;
    const sorted = candidates.toSorted((a, b) => b.logit - a.logit || a.token - b.token);
    const first = topK > 0 ? sorted.slice(0, topK) : sorted;
    const highest = first[0]?.logit ?? 0;
    const nucleus = topP < 1 ? nucleusOf(first, topP) : first;
    return minP > 0 ? nucleus.filter(({ logit }) => Math.exp(logit - highest) >= minP) : nucleus;
  }

  #draw(weighted: ReadonlyArray<{ readonly token: number; readonly weight: number }>): number {
    const total = weighted.reduce((sum, { weight }) => sum + weight, 0);
    let left = this.#random.next() * total;
    for (const { token, weight } of weighted) {
      left -= weight;
      if (left < 0) return token;
    }
    return weighted.at(-1)?.token ?? 0;
  }
}

interface Candidate {
  readonly token: number;
  readonly logit: number;
}

/** Of equals the first; −1 when all are NaN or −∞. */
function likeliest(logits: Float32Array): number {
  let best = -1;
  let highest = -Infinity;
  for (let token = 0; token < logits.length; token++) {
    const logit = logits[token] ?? 0;
    if (logit > highest) [best, highest] = [token, logit];
  }
  return best;
}

function candidatesOf(logits: Float32Array, highest: number): Candidate[] {
  const candidates: Candidate[] = [];
  for (let token = 0; token < logits.length; token++) {
    const logit = logits[token] ?? 0;
    if (logit >= highest - UNLIKELY) candidates.push({ token, logit });
  }
  return candidates;
}

/** The fewest of the likeliest whose probabilities sum to `topP`. */
function nucleusOf(sorted: readonly Candidate[], topP: number): readonly Candidate[] {
  const highest = sorted[0]?.logit ?? 0;
  const weights = sorted.map(({ logit }) => Math.exp(logit - highest));
  const enough = weights.reduce((sum, weight) => sum + weight, 0) * topP;
  let sum = 0;
  const last = weights.findIndex((weight) => (sum += weight) >= enough);
  return last < 0 ? sorted : sorted.slice(0, last + 1);
}

/** Repeatable random numbers from a seed: SplitMix32. Enough for choosing tokens, no secret. */
class RandomNumbers {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 up to 1, 1 itself excluded. */
  next(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  }
}
