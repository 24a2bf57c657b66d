import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { chooseBatch, type BatchCandidate, type BatchLimits } from './choose-batch.ts';

const limits: BatchLimits = { maxRows: 8, maxCost: Infinity, preferredRows: [], ordering: 'free' };
const rows = (...counts: number[]): BatchCandidate[] => counts.map((count) => ({ rows: count, rowCost: 1 }));
const texts = (...costs: number[]): BatchCandidate[] => costs.map((rowCost) => ({ rows: 1, rowCost }));

const cases: ReadonlyArray<
  readonly [what: string, candidates: readonly BatchCandidate[], limits: Partial<BatchLimits>, chosen: readonly number[]]
> = [
  ['nothing of nothing', [], {}, []],
  ['all that waits', rows(1, 1, 1), {}, [0, 1, 2]],
  ['no more rows than the model takes', rows(3, 3, 3), {}, [0, 1]],
  ['a smaller one behind one that does not fit', rows(5, 5, 3), {}, [0, 2]],
  ['nothing from behind one that does not fit, in order', rows(5, 5, 3), { ordering: 'preserved' }, [0]],
  ['the first alone however large', rows(20, 1), {}, [0]],
  ['the largest preferred size that can be had', rows(1, 1, 1, 1, 1), { preferredRows: [2, 4] }, [0, 1, 2, 3]],
  ['everything when no preferred size can be had', rows(1, 1, 1), { preferredRows: [4] }, [0, 1, 2]],
  ['texts of like length with the first', texts(10, 200, 11, 9, 190), {}, [0, 2, 3]],
  ['long texts with a long first', texts(200, 10, 11, 190), {}, [0, 3]],
  ['no more padded tokens than the budget', texts(10, 10, 10, 9, 9), { maxCost: 30 }, [0, 1, 2]],
];

for (const [what, candidates, more, chosen] of cases) {
  test(`a batch takes ${what}`, () => assert.deepEqual(chooseBatch(candidates, { ...limits, ...more }), chosen));
}

const candidates = fc.array(fc.record({ rows: fc.integer({ min: 1, max: 6 }), rowCost: fc.integer({ min: 1, max: 300 }) }));
const anyLimits: fc.Arbitrary<BatchLimits> = fc.record({
  maxRows: fc.integer({ min: 1, max: 16 }),
  maxCost: fc.oneof(fc.constant(Infinity), fc.integer({ min: 1, max: 2000 })),
  preferredRows: fc.array(fc.integer({ min: 1, max: 16 }), { maxLength: 3 }),
  ordering: fc.constantFrom('preserved', 'free'),
});

test('a batch has the first candidate, nobody twice, and keeps the limits unless it is one alone', () => {
  fc.assert(
    fc.property(candidates, anyLimits, (all, some) => {
      const chosen = chooseBatch(all, some);
      assert.equal(chosen.length === 0, all.length === 0);
      if (chosen.length === 0) return;
      assert.equal(chosen[0], 0);
      assert.deepEqual(
        chosen,
        [...new Set(chosen)].toSorted((a, b) => a - b),
      );
      if (some.ordering === 'preserved') assert.equal(chosen.at(-1), chosen.length - 1);
      if (chosen.length === 1) return;
      const picked = chosen.map((place) => all[place] as BatchCandidate);
      const sum = picked.reduce((total, { rows: own }) => total + own, 0);
      assert.ok(sum <= some.maxRows);
      assert.ok(sum * Math.max(...picked.map(({ rowCost }) => rowCost)) <= some.maxCost);
    }),
  );
});

test('every candidate leaves exactly once and waits for no more batches than there are candidates before it', () => {
  fc.assert(
    fc.property(candidates, anyLimits, (all, some) => {
      let waiting = all.map((candidate, place) => ({ ...candidate, place }));
      const left: number[] = [];
      for (let batch = 0; waiting.length > 0; batch++) {
        const chosen = new Set(chooseBatch(waiting, some));
        for (const at of chosen) {
          const { place } = waiting[at] as { place: number };
          assert.ok(batch <= place);
          left.push(place);
        }
        waiting = waiting.filter((_, at) => !chosen.has(at));
      }
      assert.deepEqual(
        left.toSorted((a, b) => a - b),
        all.map((_, place) => place),
      );
    }),
  );
});

test('padding stays below a third of the work for texts of many lengths', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 512 }), { minLength: 1, maxLength: 64 }), (costs) => {
      const chosen = chooseBatch(texts(...costs), limits).map((place) => costs[place] as number);
      const work = chosen.reduce((sum, cost) => sum + cost, 0);
      assert.ok(Math.max(...chosen) * chosen.length <= work * (4 / 3) + 1e-9);
    }),
  );
});
