import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cutSegments } from './cut-segments.ts';

/** Timestamps begin at 100. */
const cut = (tokens: readonly number[], length = 1500) => cutSegments(tokens, 100, length);

test('pairs of timestamps divide segments, and what follows the last pair is left to the next window', () => {
  const { segments, next } = cut([100, 1, 2, 150, 150, 3, 220, 230, 4]);
  assert.deepEqual(segments, [
    { start: 0, end: 50, tokens: [100, 1, 2, 150] },
    { start: 50, end: 120, tokens: [150, 3, 220] },
  ]);
  assert.equal(next, 120);
});

test('a single timestamp at the end closes the last segment and the window', () => {
  const { segments, next } = cut([100, 1, 150, 160, 2, 300]);
  assert.deepEqual(segments.at(-1), { start: 60, end: 200, tokens: [160, 2, 300] });
  assert.equal(next, 1500);
});

test('text without a pair is one segment, to its last timestamp or to the end', () => {
  assert.deepEqual(cut([100, 1, 2, 180]), { segments: [{ start: 0, end: 80, tokens: [100, 1, 2, 180] }], next: 1500 });
  assert.deepEqual(cut([1, 2], 700), { segments: [{ start: 0, end: 700, tokens: [1, 2] }], next: 700 });
  assert.deepEqual(cut([]), { segments: [], next: 1500 });
});

test('every window makes way, and none goes beyond its sound', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 1600 }), { maxLength: 30 }),
      fc.integer({ min: 1, max: 1500 }),
      (tokens, length) => {
        const { next } = cut(tokens, length);
        assert.ok(next > 0 && next <= length);
      },
    ),
  );
});
