import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { chooseAmong, chooseToken, probabilityOf, restrictLogits, type TokenRules } from './choose-token.ts';

/** Ten words, the end (10), a control token (11), and sixty timestamps from 12 on. */
const rules: TokenRules = {
  suppressed: [3],
  suppressedAtStart: [2, 10],
  endOfText: 10,
  timestampBegin: 12,
  timestamps: 'on',
};
const SIZE = 72;

/** Tokens that may come after `text` where nothing is likelier than anything else but words. */
function allowed(text: readonly number[], changed: Partial<TokenRules> = {}): number[] {
  const logits = new Float32Array(SIZE).fill(-20, 12);
  restrictLogits(logits, text, { ...rules, ...changed });
  return [...logits.keys()].filter((token) => logits[token] !== Number.NEGATIVE_INFINITY);
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index);
const words = [0, 1, 2, 4, 5, 6, 7, 8, 9];

test('a transcript begins with a timestamp of the first second', () => {
  assert.deepEqual(allowed([]), range(12, 63));
});

test('without timestamps it begins with a word and may not end at once', () => {
  assert.deepEqual(
    allowed([], { timestamps: 'off' }),
    words.filter((word) => word !== 2),
  );
  assert.deepEqual(allowed([1], { timestamps: 'off' }), [...words, 10]);
});

test('after its first timestamp come words or the end', () => {
  assert.deepEqual(allowed([12]), [...words, 10]);
});

test('a timestamp after words is followed by its twin, a later one or the end', () => {
  assert.deepEqual(allowed([12, 1, 20]), [10, ...range(20, SIZE)]);
});

test('a pair of timestamps is followed by words', () => {
  assert.deepEqual(allowed([12, 1, 20, 20]), [...words, 10]);
});

test('timestamps never go back', () => {
  assert.deepEqual(allowed([12, 1, 20, 20, 1]), [...words, 10, ...range(21, SIZE)]);
});

test('a timestamp comes when all together are likelier than any word', () => {
  const logits = new Float32Array(SIZE).fill(-1, 12);
  restrictLogits(logits, [12, 1], rules);
  assert.ok(words.every((word) => logits[word] === Number.NEGATIVE_INFINITY));
});

test('temperature 0 takes the likeliest, and its log-probability is that of temperature 1', () => {
  const logits = Float32Array.of(0, Math.log(3), Number.NEGATIVE_INFINITY);
  const { token, logprob } = chooseToken(logits, 0, 0);
  assert.equal(token, 1);
  assert.ok(Math.abs(logprob - Math.log(0.75)) < 1e-6);
  assert.ok(Math.abs(probabilityOf(logits, 0) - 0.25) < 1e-6);
  assert.equal(chooseAmong(logits, [0, 2]), 0);
});

test('draws are as frequent as likely, and what is forbidden is never drawn', () => {
  const logits = Float32Array.of(0, Math.log(3), Number.NEGATIVE_INFINITY);
  assert.equal(chooseToken(logits, 1, 0.24).token, 0);
  assert.equal(chooseToken(logits, 1, 0.26).token, 1);
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
      fc.double({ min: 0.1, max: 2, noNaN: true }),
      (draw, temperature) => {
        assert.notEqual(chooseToken(logits, temperature, draw).token, 2);
      },
    ),
  );
});
