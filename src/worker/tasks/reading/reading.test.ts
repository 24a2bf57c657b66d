import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cutRegion, turnHalf } from './cut-region.ts';
import { findRegions } from './find-regions.ts';
import { readAlphabet, readCharacters } from './read-characters.ts';
import { areaOf, convexHull, cornersOf, smallestRectangle, type Point } from './rectangle.ts';

const points = fc.array(fc.tuple(fc.integer({ min: -50, max: 50 }), fc.integer({ min: -50, max: 50 })), {
  minLength: 1,
  maxLength: 40,
});

test('the smallest rectangle holds every point and is no larger than the upright one', () => {
  fc.assert(
    fc.property(points, (cloud) => {
      const rectangle = smallestRectangle(cloud);
      const { center, direction, half } = rectangle;
      for (const [x, y] of cloud) {
        const [dx, dy] = [x - center[0], y - center[1]];
        assert.ok(Math.abs(dx * direction[0] + dy * direction[1]) <= half[0] + 1e-6);
        assert.ok(Math.abs(dy * direction[0] - dx * direction[1]) <= half[1] + 1e-6);
      }
      const [xs, ys] = [cloud.map(([x]) => x), cloud.map(([, y]) => y)];
      const upright = (Math.max(...xs) - Math.min(...xs)) * (Math.max(...ys) - Math.min(...ys));
      assert.ok(areaOf(rectangle) <= upright + 1e-6);
    }),
  );
});

test('a hull keeps the corners of a square and drops what lies inside', () => {
  const square: Point[] = [
    [0, 0],
    [4, 0],
    [4, 4],
    [0, 4],
  ];
  assert.deepEqual(new Set(convexHull([...square, [2, 2], [1, 3], [2, 0]]).map(String)), new Set(square.map(String)));
});

test('corners begin at the top left and go round clockwise', () => {
  const tilted = cornersOf({ center: [10, 10], direction: [Math.cos(0.2), Math.sin(0.2)], half: [8, 2] });
  const [topLeft, topRight, bottomRight, bottomLeft] = tilted;
  assert.ok(
    topLeft[0] < topRight[0] && bottomLeft[0] < bottomRight[0] && topLeft[1] < bottomLeft[1] && topRight[1] < bottomRight[1],
  );
});

/** A map with rectangles of full probability: left, top, width, height. */
function mapWith(
  patches: readonly (readonly [number, number, number, number])[],
  size: { readonly width: number; readonly height: number },
) {
  const values = new Float32Array(size.width * size.height);
  for (const [left, top, width, height] of patches)
    for (let y = top; y < top + height; y++) values.fill(0.9, y * size.width + left, y * size.width + left + width);
  return { values, ...size };
}

test('each patch of a map becomes a grown region, in the order of reading', () => {
  const map = mapWith(
    [
      [60, 12, 30, 8],
      [5, 40, 50, 8],
      [5, 10, 40, 8],
      [90, 50, 2, 2],
    ],
    { width: 100, height: 60 },
  );
  const regions = findRegions(map);
  assert.equal(regions.length, 3);
  assert.deepEqual(
    regions.map(({ corners: [topLeft] }) => [topLeft[0] < 30, topLeft[1] < 30]),
    [
      [true, true],
      [false, true],
      [true, false],
    ],
  );
  const [first] = regions;
  assert.ok(first !== undefined && first.score > 0.89 && first.corners[0][0] < 5 && first.corners[2][0] > 44);
});

test('the part between four corners is cut out and upright text is laid on its side', () => {
  const pixels = new Uint8Array(40 * 40 * 3);
  for (let y = 0; y < 40; y++) for (let x = 0; x < 40; x++) pixels.set([x * 6, y * 6, 0], (y * 40 + x) * 3);
  const picture = { width: 40, height: 40, pixels };
  const lying = cutRegion(picture, [
    [10, 10],
    [29, 10],
    [29, 19],
    [10, 19],
  ]);
  assert.deepEqual([lying.width, lying.height, ...lying.pixels.subarray(0, 3)], [19, 9, 60, 60, 0]);
  const upright = cutRegion(picture, [
    [10, 10],
    [14, 10],
    [14, 29],
    [10, 29],
  ]);
  assert.deepEqual([upright.width, upright.height, ...upright.pixels.subarray(0, 3)], [19, 4, 84, 60, 0]);
});

test('a picture turned twice is itself', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }), (width, height) => {
      const picture = { width, height, pixels: Uint8Array.from({ length: width * height * 3 }, (_, i) => i) };
      assert.deepEqual(turnHalf(turnHalf(picture)), picture);
    }),
  );
});

test('equal neighbours are one character unless nothing lies between them', () => {
  const alphabet = readAlphabet('a\nb\n', 4);
  assert.deepEqual(alphabet, ['a', 'b', ' ']);
  const steps = [1, 1, 0, 1, 2, 3, 2];
  const values = new Float32Array(steps.length * 4);
  steps.forEach((best, step) => (values[step * 4 + best] = 0.5));
  assert.deepEqual(readCharacters({ values, steps: steps.length, classes: 4 }, alphabet), { text: 'aab b', score: 0.5 });
});
