import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Tensor, TensorDatatype } from '../../../core/inference/index.ts';
import {
  classesLikeness,
  objectsLikeness,
  scoresLikeness,
  tensorsLikeness,
  vectorLikeness,
  type NumberLikeness,
} from './number-likeness.ts';
import type { FoundObject } from './read-answer.ts';

const SAME: NumberLikeness = { exact: true, normalised: true, similarity: 1 };
const floats = (...values: number[]) => Float32Array.from(values);

function tensor(datatype: TensorDatatype, data: ArrayBufferView, shape: readonly number[], name = 'y'): Tensor {
  return { name, datatype, shape, data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
}

test('vectors are as alike as their directions', () => {
  assert.deepEqual(vectorLikeness(floats(1, 2), floats(1, 2)), { exact: true, normalised: true, similarity: 1 });
  assert.equal(vectorLikeness(floats(1, 0), floats(0, 1)).similarity, 0);
  assert.equal(vectorLikeness(floats(1, 0), floats(-1, 0)).similarity, 0);
  assert.equal(vectorLikeness(floats(1, 0), floats(1, 0, 0)).similarity, 0);
  assert.equal(vectorLikeness(floats(1, 1), floats(NaN, 1)).similarity, 0);
  const near = vectorLikeness(floats(1, 0), floats(1, 0.01));
  assert.ok(!near.exact && near.normalised && near.similarity > 0.99);
});

test('scores are as alike as the orders that they make', () => {
  assert.deepEqual(scoresLikeness([3, 1, 2], [3, 1, 2]), SAME);
  assert.equal(scoresLikeness([3, 1, 2], [9, -4, 8]).similarity, 1);
  assert.equal(scoresLikeness([1, 2, 3], [3, 2, 1]).similarity, 0);
  assert.equal(scoresLikeness([1, 2, 3], [2, 1, 3]).similarity, 2 / 3);
  assert.equal(scoresLikeness([1, 2], [1]).similarity, 0);
  assert.ok(scoresLikeness([4], [-4]).similarity < 0.1);
  assert.deepEqual(scoresLikeness([0.5], [0.5]), SAME);
});

const classes = (scores: Record<string, number>) =>
  Object.entries(scores).map(([label, score], classIndex) => ({ label, score, classIndex }));

test('classes count half by the winner and half by the overlap of their shares', () => {
  assert.deepEqual(classesLikeness(classes({ cat: 0.8, dog: 0.2 }), classes({ cat: 0.8, dog: 0.2 })), SAME);
  const softer = classesLikeness(classes({ cat: 0.8, dog: 0.2 }), classes({ cat: 0.6, dog: 0.4 }));
  assert.ok(softer.normalised && Math.abs(softer.similarity - 0.9) < 1e-9);
  const turned = classesLikeness(classes({ cat: 0.8, dog: 0.2 }), classes({ dog: 0.8, cat: 0.2 }));
  assert.ok(!turned.normalised && Math.abs(turned.similarity - 0.2) < 1e-9);
  const logits = classesLikeness(classes({ cat: 5, dog: -5 }), classes({ cat: 5.1, dog: -5 }));
  assert.ok(logits.similarity > 0.99);
  assert.equal(classesLikeness(classes({ cat: 1 }), []).similarity, 0);
});

const object = (label: string, ...box: [number, number, number, number]): FoundObject => ({ label, box });

test('objects are as alike as their boxes of one label cover each other', () => {
  const cat = object('cat', 0, 0, 10, 10);
  assert.deepEqual(objectsLikeness([cat], [cat]), SAME);
  assert.deepEqual(objectsLikeness([], []), SAME);
  assert.equal(objectsLikeness([cat], [object('dog', 0, 0, 10, 10)]).similarity, 0);
  assert.equal(objectsLikeness([cat], []).similarity, 0);
  const moved = objectsLikeness([cat], [object('cat', 0, 0, 10, 5)]);
  assert.equal(moved.similarity, 0.5);
  assert.equal(objectsLikeness([cat, cat], [cat]).similarity, 0.5);
});

test('tensors of floats lose by the distance over the length', () => {
  const one = tensor('FP32', floats(3, 4), [2]);
  assert.deepEqual(tensorsLikeness([one], [one]), SAME);
  assert.equal(tensorsLikeness([one], [tensor('FP32', floats(6, 8), [2])]).similarity, 0);
  assert.ok(Math.abs(tensorsLikeness([one], [tensor('FP32', floats(3, 4.5), [2])]).similarity - 0.9) < 1e-9);
  assert.equal(tensorsLikeness([one], [tensor('FP32', floats(3, NaN), [2])]).similarity, 0);
  assert.equal(
    tensorsLikeness([tensor('FP32', floats(1, NaN), [2])], [tensor('FP32', floats(1.0001, NaN), [2])]).normalised,
    true,
  );
  assert.equal(tensorsLikeness([one], [tensor('FP32', floats(3, 4), [1, 2])]).similarity, 0);
  assert.equal(tensorsLikeness([one], [{ ...one, name: 'z' }]).similarity, 0);
  assert.equal(tensorsLikeness([one, { ...one, name: 'z' }], [one]).similarity, 0.5);
});

test('short floats are read as numbers', () => {
  const half = tensor('FP16', Float16Array.from([1, 2]), [2]);
  assert.ok(Math.abs(tensorsLikeness([half], [tensor('FP16', Float16Array.from([1, 2.5]), [2])]).similarity - 0.776) < 0.01);
  const brain = (...values: number[]) => {
    const wide = new Uint32Array(Float32Array.from(values).buffer);
    return tensor(
      'BF16',
      Uint16Array.from(wide, (bits) => bits >>> 16),
      [values.length],
    );
  };
  assert.ok(Math.abs(tensorsLikeness([brain(1, 2)], [brain(1, 2.5)]).similarity - 0.776) < 0.01);
});

test('whole numbers and strings count by the share that is equal', () => {
  const ids = (...values: number[]) => tensor('INT32', Int32Array.from(values), [values.length]);
  assert.equal(tensorsLikeness([ids(1, 2, 3, 4)], [ids(1, 2, 3, 5)]).similarity, 0.75);
  const strings = (...values: string[]) => {
    const parts = values.flatMap((value) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(Buffer.byteLength(value));
      return [length, Buffer.from(value)];
    });
    return tensor('BYTES', Buffer.concat(parts), [values.length]);
  };
  assert.equal(tensorsLikeness([strings('a', 'bc')], [strings('a', 'bd')]).similarity, 0.5);
});

test('every likeness of tensors lies between 0 and 1, whatever their bytes are', () => {
  const datatype = fc.constantFrom<TensorDatatype>('FP32', 'FP64', 'FP16', 'BF16', 'INT8', 'BYTES', 'BOOL');
  const bytes = fc.uint8Array({ maxLength: 24 });
  fc.assert(
    fc.property(datatype, bytes, bytes, (of, a, b) => {
      const { similarity } = tensorsLikeness([tensor(of, a, [1])], [tensor(of, b, [1])]);
      assert.ok(similarity >= 0 && similarity <= 1, String(similarity));
    }),
  );
});
