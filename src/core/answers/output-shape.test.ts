import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { InferenceEvent, Tensor, TensorDatatype } from '../inference/index.ts';
import type { OutputShape } from '../messages/index.ts';
import { OutputLooks } from './output-shape.ts';
import { numberReader } from './tensor-numbers.ts';

function looksOf(...events: readonly InferenceEvent[]): OutputShape | undefined {
  const looks = new OutputLooks();
  for (const event of events) looks.take(event);
  return looks.shape();
}

function bytesOf(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

function tensor(datatype: TensorDatatype, shape: readonly number[], data: ArrayBufferView): InferenceEvent {
  const made: Tensor = { name: 'y', datatype, shape, data: bytesOf(data) };
  return { type: 'tensor', response: 0, tensor: made };
}

const floats = (shape: readonly number[], ...values: readonly number[]) => tensor('FP32', shape, Float32Array.from(values));
const vector = (...values: readonly number[]): InferenceEvent => ({
  type: 'embedding',
  index: 0,
  values: bytesOf(Float32Array.from(values)),
});

const cases: ReadonlyArray<readonly [what: string, events: readonly InferenceEvent[], expected: OutputShape | undefined]> = [
  ['nothing but text', [{ type: 'text-delta', choice: 0, text: 'x' }], undefined],
  ['a sound vector', [vector(0.6, 0.8)], { isBroken: false, isConstant: false, classes: [] }],
  ['a vector with NaN', [vector(0.6, Number.NaN)], { isBroken: true, isConstant: false, classes: [] }],
  ['a vector of one number', [vector(0.5, 0.5, 0.5)], { isBroken: false, isConstant: true, classes: [] }],
  ['one constant vector of two', [vector(1, 0), vector(0.5, 0.5)], { isBroken: false, isConstant: true, classes: [] }],
  ['rows of scores', [floats([2, 3], 1, 5, 2, 9, 5, 2)], { isBroken: false, isConstant: false, classes: ['1', '0'] }],
  ['a list of scores', [floats([3], 1, 5, 9)], { isBroken: false, isConstant: false, classes: ['2'] }],
  ['infinite scores', [floats([2], 1, Infinity)], { isBroken: true, isConstant: false, classes: ['1'] }],
  ['a single number', [floats([1, 1], 7)], { isBroken: false, isConstant: false, classes: [] }],
  ['a picture', [floats([1, 2, 2], 1, 2, 3, 4)], { isBroken: false, isConstant: false, classes: [] }],
  ['one constant output of two', [floats([2], 1, 1), floats([2], 1, 2)], { isBroken: false, isConstant: false, classes: ['0'] }],
  ['constant outputs alone', [floats([2], 1, 1), floats([2], 2, 2)], { isBroken: false, isConstant: true, classes: ['0'] }],
  [
    'numbers of classes',
    [tensor('INT64', [2], BigInt64Array.from([3n, 3n]))],
    { isBroken: false, isConstant: false, classes: ['3', '3'] },
  ],
  [
    'scores beside numbers of classes',
    [tensor('INT64', [1], BigInt64Array.from([3n])), floats([1, 2], 0, 1)],
    { isBroken: false, isConstant: false, classes: ['1'] },
  ],
  [
    'numbers too large for classes',
    [tensor('INT32', [1], Int32Array.from([1e6]))],
    { isBroken: false, isConstant: false, classes: [] },
  ],
  ['halves', [tensor('FP16', [2], Uint16Array.from([0x3c00, 0x7e00]))], { isBroken: true, isConstant: false, classes: ['0'] }],
  ['strings', [tensor('BYTES', [1], Uint8Array.from([1, 0, 0, 0, 65]))], { isBroken: false, isConstant: false, classes: [] }],
  ['fewer bytes than the shape says', [floats([4, 4], 1, 2)], { isBroken: false, isConstant: false, classes: [] }],
  [
    'a score',
    [{ type: 'score', index: 0, score: Number.NaN, by: 'embedding' }],
    { isBroken: true, isConstant: false, classes: [] },
  ],
  [
    'classes with labels',
    [{ type: 'classification', index: 0, classes: [{ classIndex: 4, label: 'cat', score: 0.9 }] }],
    { isBroken: false, isConstant: false, classes: ['cat'] },
  ],
];

for (const [what, events, expected] of cases) {
  test(`the looks of ${what}`, () => assert.deepEqual(looksOf(...events), expected));
}

test('of a large tensor a bounded part is read, at any offset of its buffer', () => {
  const data = new Uint8Array(4_000_001).subarray(1);
  assert.deepEqual(looksOf(tensor('FP32', [1000, 1000], data)), {
    isBroken: false,
    isConstant: true,
    classes: ['0', '0', '0', '0'],
  });
});

test('halves read as what they are', () => {
  fc.assert(
    fc.property(fc.nat(0xffff), (bits) => {
      const read = numberReader('FP16', bytesOf(Uint16Array.from([bits]))) ?? assert.fail('no reader');
      const expected = new DataView(Uint16Array.from([bits]).buffer).getFloat16(0, true);
      assert.ok(Object.is(read(0), expected) || (Number.isNaN(read(0)) && Number.isNaN(expected)));
    }),
  );
});

test('upper halves of floats read as what they are', () => {
  fc.assert(
    fc.property(fc.nat(0xffff), (bits) => {
      const read = numberReader('BF16', bytesOf(Uint16Array.from([bits]))) ?? assert.fail('no reader');
      const expected = new Float32Array(Uint32Array.from([bits * 65_536]).buffer)[0];
      assert.ok(Object.is(read(0), expected) || (Number.isNaN(read(0)) && Number.isNaN(expected)));
    }),
  );
});
