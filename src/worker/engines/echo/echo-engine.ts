import type { TokenLogprobs } from '../../../core/inference/index.ts';
import { PlinthError } from '../../../core/errors/index.ts';
import type { ModelFacts, ModelSpec } from '../../../core/models/index.ts';
import type { Engine, OutputIndex, Prompting, PromptText, Sampler, SamplerOptions, Step, StepOutcome } from '../engine.ts';
import { bytesOfToken, END_TOKEN, tokensOfText } from './echo-tokens.ts';

const DIMENSIONS = 32;
const CONTEXT_TOKENS = 1 << 20;

class EchoSampler implements Sampler {
  readonly #script: readonly number[];
  readonly #ignoresEnd: boolean;
  #next = 0;

  constructor(options: SamplerOptions) {
    this.#script = options.promptTokens;
    this.#ignoresEnd = options.ignoresEnd === 'yes' && options.promptTokens.length > 0;
  }

  sample(): number {
    if (this.#next === this.#script.length && this.#ignoresEnd) this.#next = 0;
    return this.#script[this.#next++] ?? END_TOKEN;
  }

  close(): void {
    this.#next = this.#script.length;
  }
}

/** Answers with the prompt's own text, three bytes a token. Costs nothing, or exactly `stepMs` a step. */
export class EchoEngine implements Engine {
  readonly facts: ModelFacts;
  readonly prompting: Prompting = { type: 'last-message' };
  readonly poolTokens: number;
  readonly stepTokens = CONTEXT_TOKENS;
  readonly exactStepTokens = CONTEXT_TOKENS;
  readonly vocabularySize = END_TOKEN + 1;
  readonly reusesPrefixes = 'no';
  readonly embedding = 'chunked';
  readonly #stepMs: number;
  readonly #clock = new Int32Array(new SharedArrayBuffer(4));
  #stepTokensIn: readonly number[] = [];
  #nextStepAt = 0;

  constructor(spec: ModelSpec) {
    this.#stepMs = spec.stepMs;
    const contextTokens = spec.contextTokens || CONTEXT_TOKENS;
    this.poolTokens = contextTokens * spec.slots;
    this.facts = {
      architecture: 'echo',
      parameterCount: 0,
      quantization: 'none',
      fileBytes: 0,
      engine: 'echo 1',
      contextTokens,
      embeddingDimensions: DIMENSIONS,
      slots: spec.slots,
      capabilities: ['chat', 'completion', 'embed'],
    };
  }

  threads(): number {
    return 1;
  }

  tokenize(prompt: readonly PromptText[]): number[] {
    return tokensOfText(prompt.map((part) => part.text).join(''));
  }

  infill(): undefined {
    return undefined;
  }

  tokenBytes(token: number): Uint8Array {
    return bytesOfToken(token);
  }

  isEnd(token: number): boolean {
    return token === END_TOKEN;
  }

  createSampler(options: SamplerOptions): Sampler {
    if (options.grammar !== undefined) {
      throw new PlinthError({ code: 'unsupported_capability', message: 'The echo engine cannot follow a grammar.' });
    }
    return new EchoSampler(options);
  }

  execute(step: Step): StepOutcome {
    if (this.#stepMs > 0) this.#waitForStep();
    this.#stepTokensIn = step.results === 'hidden' ? step.rows.flatMap((row) => row.tokens) : [];
    return 'exact';
  }

  logprobs(_output: OutputIndex, choice: { readonly token: number; readonly top: number }): TokenLogprobs {
    const bytes = [...bytesOfToken(choice.token)];
    const text = Buffer.from(bytes).toString('utf8');
    return { text, bytes, logprob: 0, top: choice.top > 0 ? [{ text, bytes, logprob: 0 }] : [] };
  }

  hidden(output: OutputIndex): Float32Array {
    const values = new Float32Array(DIMENSIONS);
    let state = (this.#stepTokensIn[output] ?? 0) + 1;
    for (let i = 0; i < DIMENSIONS; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      values[i] = state / 2 ** 31 - 1;
    }
    return values;
  }

  keepPrefix(): void {}

  buryTail(): void {}

  reclaim(): void {}

  copyPrefix(): void {}

  close(): void {}

  /** Steps keep to a fixed beat, so that time spent around them does not add up. */
  #waitForStep(): void {
    const now = performance.now();
    const due = this.#nextStepAt > now - this.#stepMs ? this.#nextStepAt : now;
    this.#nextStepAt = due + this.#stepMs;
    const waitMs = this.#nextStepAt - now;
    if (waitMs > 0) Atomics.wait(this.#clock, 0, 0, waitMs);
  }
}
