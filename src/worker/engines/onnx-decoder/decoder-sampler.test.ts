import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { greedySampling, type SamplingParameters } from '../../../core/inference/index.ts';
import { DecoderSampler } from './decoder-sampler.ts';

const END = 3;

function samplerOf(
  logits: readonly number[],
  parameters: Partial<SamplingParameters> = {},
  { seed = 1, promptTokens = [] as readonly number[], ignoresEnd = 'no' as 'yes' | 'no' } = {},
): DecoderSampler {
  const values = Float32Array.from(logits);
  return new DecoderSampler(
    { endTokens: [END], logits: () => values },
    { parameters: { ...greedySampling, ...parameters }, seed, promptTokens, ignoresEnd },
  );
}

const draw = (sampler: DecoderSampler, count: number) => Array.from({ length: count }, () => sampler.sample(0));

/** Shares of `count` draws by token. */
function shares(sampler: DecoderSampler, count: number): number[] {
  const drawn = draw(sampler, count);
  return [0, 1, 2, 3].map((token) => drawn.filter((one) => one === token).length / count);
}

test('a temperature of zero takes the likeliest token, of equals the first', () => {
  assert.equal(samplerOf([1, 5, 5, 2]).sample(0), 1);
});

test('a bias moves the choice and 100 below forbids a token', () => {
  assert.equal(samplerOf([1, 5, 4, 2], { logitBias: [[2, 2]] }).sample(0), 2);
  assert.equal(samplerOf([1, 5, 4, 2], { logitBias: [[1, -100]] }).sample(0), 2);
  assert.equal(samplerOf([1, 5, 4, 2], { logitBias: [[9, 100]] }).sample(0), 1);
});

test('tokens that end an answer are never taken when it must go on', () => {
  assert.equal(samplerOf([1, 2, 3, 9], {}, { ignoresEnd: 'yes' }).sample(0), 2);
});

test('the repeat penalty sees the prompt, presence and frequency see the answer alone', () => {
  assert.equal(samplerOf([4, 5, 1, 0], { repeatPenalty: 2 }, { promptTokens: [1] }).sample(0), 0);
  assert.equal(samplerOf([-4, -3, -9, -9], { repeatPenalty: 2 }, { promptTokens: [1] }).sample(0), 0);
  const options = { promptTokens: [1, 1] };
  assert.deepEqual(draw(samplerOf([4, 5, 1, 0], { presencePenalty: 2 }, options), 4), [1, 0, 1, 1]);
  assert.deepEqual(draw(samplerOf([4, 5, 1, 0], { frequencyPenalty: 2 }, options), 4), [1, 0, 1, 0]);
});

test('draws follow the probabilities, which temperature flattens', () => {
  const logits = [0.5, 0.25, 0.125, 0.125].map((share) => Math.log(share));
  const plain = shares(samplerOf(logits, { temperature: 1 }), 20_000);
  const flat = shares(samplerOf(logits, { temperature: 2 }), 20_000);
  [0.5, 0.25, 0.125, 0.125].forEach((share, token) => assert.ok(Math.abs((plain[token] ?? 0) - share) < 0.02));
  const roots = [0.5, 0.25, 0.125, 0.125].map(Math.sqrt);
  const total = roots.reduce((sum, root) => sum + root, 0);
  roots.forEach((root, token) => assert.ok(Math.abs((flat[token] ?? 0) - root / total) < 0.02));
});

const cuts: readonly [string, Partial<SamplingParameters>, number[]][] = [
  ['top-k keeps the k likeliest', { topK: 2 }, [0, 1]],
  ['top-p keeps the fewest that sum to p', { topP: 0.7 }, [0, 1]],
  ['min-p keeps what is likely beside the likeliest', { minP: 0.4 }, [0, 1]],
  ['top-p of next to nothing keeps the likeliest', { topP: 0.001 }, [0]],
];
for (const [title, parameters, kept] of cuts) {
  test(title, () => {
    const logits = [0.5, 0.25, 0.15, 0.1].map((share) => Math.log(share));
    const drawn = new Set(draw(samplerOf(logits, { temperature: 1, ...parameters }), 400));
    assert.deepEqual([...drawn].toSorted(), kept);
  });
}

test('the same seed draws the same tokens and another seed others', () => {
  const run = (seed: number) => draw(samplerOf([1, 1, 1, 1], { temperature: 1 }, { seed }), 40);
  assert.deepEqual(run(7), run(7));
  assert.notDeepEqual(run(7), run(8));
});

test('logits without a number to choose by end the answer with an error', () => {
  assert.throws(() => samplerOf([NaN, NaN]).sample(0), { code: 'engine_failed' });
  assert.throws(() => samplerOf([-Infinity, -Infinity], { temperature: 1 }).sample(0), { code: 'engine_failed' });
});

test('whatever the parameters, a token of the vocabulary comes out', () => {
  const parameters = fc.record({
    temperature: fc.double({ min: 0, max: 2, noNaN: true }),
    topP: fc.double({ min: 0, max: 1, noNaN: true }),
    topK: fc.nat(6),
    minP: fc.double({ min: 0, max: 1, noNaN: true }),
    presencePenalty: fc.double({ min: -2, max: 2, noNaN: true }),
    frequencyPenalty: fc.double({ min: -2, max: 2, noNaN: true }),
    repeatPenalty: fc.double({ min: 0.5, max: 2, noNaN: true }),
  });
  const logits = fc.array(fc.float({ min: -50, max: 50, noNaN: true }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(logits, parameters, fc.nat(2 ** 31), (values, some, seed) => {
      for (const token of draw(samplerOf(values, some, { seed }), 5)) assert.ok(token >= 0 && token < values.length);
    }),
  );
});
