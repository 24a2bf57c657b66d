import assert from 'node:assert/strict';
import { greedySampling, type SamplingParameters } from '../../core/inference/index.ts';
import type { Engine, PromptText, SamplerOptions } from './engine.ts';

/** One promise of the engine contract, with a way to see it kept. Each runs on an engine whose slots are empty and leaves them so. */
export interface EngineCheck {
  readonly title: string;
  run(engine: Engine): void;
}

const RANDOM: SamplingParameters = { ...greedySampling, temperature: 1, topK: 50 };
const PROMPT = 'The quick brown fox jumps over the lazy dog and';

const plain = (text: string): PromptText[] => [{ text, parsesSpecial: 'no' }];
const read = (engine: Engine, text: string) => engine.tokenize(plain(text), { addsSpecial: 'yes' });

function samplerOptions(promptTokens: readonly number[], parameters: SamplingParameters, seed = 7): SamplerOptions {
  return { parameters, seed, promptTokens, ignoresEnd: 'yes' };
}

interface Run {
  readonly slot: number;
  readonly tokens: number[];
  computed: number;
  readonly options: SamplerOptions;
}

/** Generates `count` tokens for several sequences that share every step. */
function generate(engine: Engine, runs: readonly Run[], count: number): number[][] {
  const samplers = runs.map((run) => engine.createSampler(run.options));
  for (let i = 0; i < count; i++) {
    const rows = runs.map(({ slot, tokens, computed }) => ({
      slot,
      tokens: tokens.slice(computed),
      position: computed,
      outputs: 'last' as const,
    }));
    assert.equal(engine.execute({ rows, results: 'logits', precision: 'exact' }), 'exact');
    let output = -1;
    runs.forEach((run, index) => {
      output += rows[index]?.tokens.length ?? 0;
      run.computed = run.tokens.length;
      run.tokens.push(samplers[index]?.sample(output) ?? -1);
    });
  }
  for (const sampler of samplers) sampler.close();
  return runs.map((run) => run.tokens.slice(run.options.promptTokens.length));
}

function runOf(engine: Engine, slot: number, { parameters = greedySampling, text = PROMPT } = {}): Run {
  const promptTokens = read(engine, text);
  return { slot, tokens: [...promptTokens], computed: 0, options: samplerOptions(promptTokens, parameters, 7 + slot) };
}

/** The log-probability of a next token after exact steps of at most `size` tokens. */
function scoreInPieces(engine: Engine, tokens: readonly number[], size: number): number | null {
  let last = 0;
  for (let position = 0; position < tokens.length; position += size) {
    const piece = tokens.slice(position, position + size);
    const rows = [{ slot: 0, tokens: piece, position, outputs: 'last' as const }];
    assert.equal(engine.execute({ rows, results: 'logits', precision: 'exact' }), 'exact');
    last = piece.length - 1;
  }
  return engine.logprobs(last, { token: tokens[0] ?? 0, top: 0 }).logprob;
}

function clear(engine: Engine): void {
  for (let slot = 0; slot < engine.facts.slots; slot++) engine.keepPrefix(slot, 0);
}

/** Every promise of {@link Engine}; a new engine is done when all of these hold. Needs at least four slots. */
export const engineConformance: readonly EngineCheck[] = [
  {
    title: 'tokens spell their text byte for byte',
    run(engine) {
      for (const text of ['plain words', 'Grüße, 日本語 und 😀!', '  two  spaces\n\ttab', '<|im_end|>']) {
        const bytes = Buffer.concat(engine.tokenize(plain(text), { addsSpecial: 'no' }).map((token) => engine.tokenBytes(token)));
        assert.equal(bytes.toString('utf8').trimStart(), text.trimStart());
      }
    },
  },
  {
    title: 'an empty prompt still has a token to begin with',
    run: (engine) => assert.ok(read(engine, '').length > 0),
  },
  {
    title: 'token ids are within the vocabulary',
    run(engine) {
      for (const token of read(engine, PROMPT)) assert.ok(token >= 0 && token < engine.vocabularySize);
    },
  },
  {
    title: 'a sequence generates the same alone and in a batch',
    run(engine) {
      const texts = [PROMPT, 'Once upon a time', 'In 1969'];
      for (const parameters of [greedySampling, RANDOM]) {
        const alone = texts.flatMap((text, slot) => generate(engine, [runOf(engine, slot, { parameters, text })], 8));
        clear(engine);
        const together = generate(
          engine,
          texts.map((text, slot) => runOf(engine, slot, { parameters, text })),
          8,
        );
        clear(engine);
        assert.deepEqual(together, alone);
      }
    },
  },
  {
    title: 'a long prompt reads the same however it is cut',
    run(engine) {
      const tokens = read(engine, `${PROMPT} `.repeat(70)).slice(0, 560);
      const scores = [engine.exactStepTokens, 17, 1].map((size) => {
        clear(engine);
        return scoreInPieces(engine, tokens, size);
      });
      clear(engine);
      assert.deepEqual(scores, [scores[0], scores[0], scores[0]]);
    },
  },
  {
    title: 'the same seed gives the same tokens again',
    run(engine) {
      const [first] = generate(engine, [runOf(engine, 1, { parameters: RANDOM })], 12);
      clear(engine);
      const [second] = generate(engine, [runOf(engine, 1, { parameters: RANDOM })], 12);
      clear(engine);
      assert.deepEqual(second, first);
    },
  },
  {
    title: 'a sequence goes on equally from a copied prefix',
    run(engine) {
      if (engine.reusesPrefixes === 'no') return;
      const [expected] = generate(engine, [runOf(engine, 0)], 8);
      const copy = runOf(engine, 2);
      const length = copy.tokens.length - 1;
      engine.copyPrefix(0, 2, length);
      const [copied] = generate(engine, [{ ...copy, computed: length }], 8);
      clear(engine);
      assert.deepEqual(copied, expected);
    },
  },
  {
    title: 'a slot cut back to a prefix goes on as if nothing had followed',
    run(engine) {
      const run = runOf(engine, 0);
      const length = run.tokens.length - 1;
      const [expected] = generate(engine, [run], 8);
      const kept = engine.reusesPrefixes === 'yes' ? length : 0;
      engine.keepPrefix(0, kept);
      const [again] = generate(engine, [{ ...runOf(engine, 0), computed: kept }], 8);
      clear(engine);
      assert.deepEqual(again, expected);
    },
  },
  {
    title: 'log-probabilities are logarithms, the most likely first',
    run(engine) {
      const tokens = read(engine, PROMPT);
      engine.execute({ rows: [{ slot: 0, tokens, position: 0, outputs: 'last' }], results: 'logits', precision: 'fast' });
      const { logprob, top, bytes } = engine.logprobs(tokens.length - 1, { token: tokens[0] ?? 0, top: 5 });
      clear(engine);
      assert.ok(logprob !== null && logprob <= 0);
      assert.deepEqual(bytes, [...engine.tokenBytes(tokens[0] ?? 0)]);
      const values = top.map((one) => one.logprob);
      assert.deepEqual(
        values,
        values.toSorted((a, b) => b - a),
      );
      assert.ok(values.reduce((sum, value) => sum + Math.exp(value), 0) <= 1 + 1e-6);
    },
  },
  {
    title: 'every output of a hidden step has a finite vector',
    run(engine) {
      if (engine.embedding === 'none') return;
      const tokens = read(engine, 'two words');
      engine.execute({ rows: [{ slot: 0, tokens, position: 0, outputs: 'all' }], results: 'hidden', precision: 'fast' });
      for (let i = 0; i < tokens.length; i++) {
        const vector = engine.hidden(i);
        assert.equal(vector.length, engine.facts.embeddingDimensions);
        assert.ok(vector.every(Number.isFinite) && vector.some((value) => value !== 0));
      }
      engine.keepPrefix(0, 0);
      engine.execute({ rows: [{ slot: 0, tokens, position: 0, outputs: 'last' }], results: 'logits', precision: 'fast' });
      clear(engine);
    },
  },
  {
    title: 'a sampler may be closed twice',
    run(engine) {
      const sampler = engine.createSampler(samplerOptions(read(engine, PROMPT), RANDOM));
      sampler.close();
      sampler.close();
    },
  },
];
