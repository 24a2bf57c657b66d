import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { chooseBoxes, overlapOf, readBoxes, type FoundBox } from './choose-boxes.ts';
import { readNames } from './detect-objects.ts';

test('a head with a score per class gives the best class of every anchor above the threshold', () => {
  const anchors = [
    [50, 80],
    [40, 90],
    [20, 10],
    [30, 10],
    [0.9, 0.1],
    [0.2, 0.3],
  ];
  const output = { values: Float32Array.from(anchors.flat()), shape: [6, 2] } as const;
  assert.deepEqual(
    readBoxes(output, 0.25).map(({ box, classIndex }) => ({ box, classIndex })),
    [
      { box: [40, 25, 60, 55], classIndex: 0 },
      { box: [75, 85, 85, 95], classIndex: 1 },
    ],
  );
  assert.equal(readBoxes(output, 0.5).length, 1);
});

test('a head that ends in corners, score and class is taken as it is', () => {
  const rows = Array.from({ length: 7 }, (_, row) => [1, 2, 3, 4, row === 3 ? 0.8 : 0.1, 5]);
  const found = readBoxes({ values: Float32Array.from(rows.flat()), shape: [7, 6] }, 0.5);
  assert.deepEqual(
    found.map(({ box, classIndex }) => [box, classIndex]),
    [[[1, 2, 3, 4], 5]],
  );
});

const boxes: fc.Arbitrary<FoundBox> = fc
  .tuple(
    fc.nat(90),
    fc.nat(90),
    fc.integer({ min: 1, max: 40 }),
    fc.integer({ min: 1, max: 40 }),
    fc.nat(2),
    fc.float({ min: 0, max: 1, noNaN: true }),
  )
  .map(([left, top, width, height, classIndex, score]) => ({ box: [left, top, left + width, top + height], classIndex, score }));

test('what stays does not overlap within its class, comes best first and leaves nothing out without a better one over it', () => {
  fc.assert(
    fc.property(fc.array(boxes, { maxLength: 60 }), (found) => {
      const kept = chooseBoxes(found, { overlap: 0.5, top: 1000 });
      for (const [index, one] of kept.entries()) {
        assert.ok(kept.slice(0, index).every((better) => better.score >= one.score));
        assert.ok(
          kept.slice(0, index).every((other) => other.classIndex !== one.classIndex || overlapOf(other.box, one.box) <= 0.5),
        );
      }
      for (const left of found.filter((one) => !kept.includes(one)))
        assert.ok(
          kept.some((one) => one.classIndex === left.classIndex && one.score >= left.score && overlapOf(one.box, left.box) > 0.5),
        );
    }),
  );
});

test('no more boxes stay than are wanted', () => {
  const found = Array.from({ length: 9 }, (_, i): FoundBox => ({
    box: [i * 10, 0, i * 10 + 5, 5],
    classIndex: 0,
    score: i / 10,
  }));
  assert.deepEqual(
    chooseBoxes(found, { overlap: 0.5, top: 2 }).map(({ score }) => score),
    [0.8, 0.7],
  );
});

test('names are read from a Python dictionary', () => {
  assert.deepEqual(readNames(`{0: 'person', 2: "child's toy"}`), ['person', '1', "child's toy"]);
  assert.deepEqual(readNames(undefined), []);
});
