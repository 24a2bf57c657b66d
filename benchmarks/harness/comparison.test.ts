import assert from 'node:assert/strict';
import test from 'node:test';
import { compareSides } from './comparison.ts';
import type { Measurement } from './rounds.ts';

function measured(round: number, side: string, rate: number): Measurement {
  return { round, side, metrics: { rate }, noise: { foreignShare: 0, stealShare: 0, isNoisy: false } };
}

const quiet = [measured(0, 'a', 10), measured(0, 'b', 5), measured(1, 'a', 30), measured(1, 'b', 10)];
const disturbed: Measurement = { ...measured(2, 'b', 1), noise: { foreignShare: 0.5, stealShare: 0, isNoisy: true } };
const measurements = [...quiet, measured(2, 'a', 40), disturbed];
const options = { ours: 'a', peer: 'b', metric: 'rate' };

test('a comparison is the median of the ratios of the same round', () => {
  const comparison = compareSides(quiet, { ...options, keepsNoisy: false });
  assert.equal(comparison.ratio.median, 2.5);
  assert.deepEqual([comparison.ourMedian, comparison.peerMedian, comparison.usedPairs], [20, 7.5, 2]);
});

test('a pair with a noisy side is left out unless it is asked for', () => {
  const strict = compareSides(measurements, { ...options, keepsNoisy: false });
  assert.deepEqual([strict.ratio.median, strict.usedPairs, strict.allPairs], [2.5, 2, 3]);
  const lax = compareSides(measurements, { ...options, keepsNoisy: true });
  assert.deepEqual([lax.ratio.median, lax.usedPairs, lax.allPairs], [3, 3, 3]);
});

test('sides that were not measured compare to nothing', () => {
  assert.equal(compareSides(quiet, { ...options, peer: 'c', keepsNoisy: true }).allPairs, 0);
});
