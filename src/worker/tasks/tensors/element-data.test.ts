import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeNumbers, encodeTexts, findBytesEnds, fitsData, joinData } from './element-data.ts';

test('texts end where they were laid, however they are grouped', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary' }), { maxLength: 12 }), (texts) => {
      const data = encodeTexts(texts);
      const ends = findBytesEnds(data, texts.length, 1);
      const sums = texts.map((_, i) => encodeTexts(texts.slice(0, i + 1)).byteLength);
      assert.deepEqual(ends, sums);
      assert.equal(fitsData('BYTES', texts.length, data), true);
      assert.equal(fitsData('BYTES', texts.length + 1, data), false);
    }),
  );
});

test('bytes that are not exactly so many elements never fit', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat(6), (data, count) => {
      const ends = findBytesEnds(data, 1, count);
      if (ends !== undefined) assert.deepEqual(ends, [data.byteLength]);
      assert.equal(fitsData('BYTES', count, data), ends !== undefined);
    }),
  );
  assert.equal(fitsData('FP32', 2, new Uint8Array(7)), false);
});

test('a huge count of elements is refused without being walked', () => {
  assert.equal(fitsData('BYTES', Number.MAX_SAFE_INTEGER, new Uint8Array(16)), false);
});

test('numbers are little-endian in the width of their type', () => {
  assert.deepEqual([...encodeNumbers('INT32', [-2])], [254, 255, 255, 255]);
  assert.deepEqual(
    [...encodeNumbers('UINT64', [2n ** 64n - 1n])],
    Array.from({ length: 8 }, () => 255),
  );
  assert.deepEqual([...encodeNumbers('FP32', [0.5])], [0, 0, 0, 63]);
  assert.deepEqual([...encodeNumbers('BOOL', [0, 1])], [0, 1]);
});

test('parts are laid one after the other', () => {
  assert.deepEqual([...joinData([Uint8Array.of(1), Uint8Array.of(2, 3), Uint8Array.of()])], [1, 2, 3]);
});
