import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { median, medianInterval, percentile, seededRandom } from './statistics.ts';

test('a percentile lies between its neighbours by linear interpolation', () => {
  assert.equal(percentile([4, 1, 3, 2], 0), 1);
  assert.equal(percentile([4, 1, 3, 2], 1), 4);
  assert.equal(percentile([4, 1, 3, 2], 0.5), 2.5);
  assert.equal(percentile([10, 20], 0.25), 12.5);
  assert.equal(percentile([], 0.5), Number.NaN);
});

test('the interval of a median holds the median and is the same every time', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0.1, max: 10, noNaN: true }), { minLength: 1, maxLength: 12 }), (values) => {
      const interval = medianInterval(values);
      assert.equal(interval.median, median(values));
      assert.ok(interval.low <= interval.median && interval.median <= interval.high);
      assert.deepEqual(medianInterval(values), interval);
    }),
    { numRuns: 10 },
  );
});

test('seeded random numbers are spread evenly and differ by seed', () => {
  const random = seededRandom(7);
  const draws = Array.from({ length: 10_000 }, random);
  const inTenths = Array.from({ length: 10 }, (_, tenth) => draws.filter((draw) => Math.floor(draw * 10) === tenth).length);
  assert.ok(inTenths.every((count) => count > 850 && count < 1_150));
  assert.notEqual(seededRandom(8)(), draws[0]);
  assert.equal(seededRandom(7)(), draws[0]);
});
