import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import type { TensorDatatype } from '../../../core/inference/index.ts';
import { classifyTensor } from './classification.ts';
import { decodeBytesElements } from './tensor-bytes.ts';

function classes(datatype: TensorDatatype, data: ArrayBufferView & { readonly length: number }, count: number): string[] {
  const bytes = new Uint8Array(data.buffer);
  const { length } = data;
  const wish = { count, labels: undefined, rows: 'single' } as const;
  const { data: texts } = classifyTensor({ name: 'O', datatype, shape: [length], data: bytes }, wish);
  return decodeBytesElements(texts, 'O').map((text) => Buffer.from(text).toString());
}

test('fractions have six decimals, whole numbers none, and what is no number comes last', () => {
  assert.deepEqual(classes('FP32', Float32Array.of(1, 3.3, Number.NaN, -1e22), 4), [
    '3.300000:1',
    '1.000000:0',
    '-9999999778196308361216.000000:3',
    'nan:2',
  ]);
  assert.deepEqual(classes('INT64', BigInt64Array.of(5n, 2n ** 60n, -1n), 2), [`${2n ** 60n}:1`, '5:0']);
  assert.deepEqual(classes('UINT8', Uint8Array.of(7, 7, 9), 3), ['9:2', '7:0', '7:1']);
});

test('more classes than there are gives all of them', () => {
  assert.equal(classes('INT32', Int32Array.of(1, 2), 1e9).length, 2);
});

test('values without an order have no classes', () => {
  assert.throws(
    () => classes('BOOL', Uint8Array.of(1), 1),
    /class result not available for output due to unsupported type 'BOOL'/,
  );
});

/** Indexes of the classes of a row of single precision. */
function ranking(values: readonly number[], count: number): readonly number[] {
  const data = new Uint8Array(Float32Array.from(values).buffer);
  const tensor = { name: 'O', datatype: 'FP32', shape: [values.length], data } as const;
  const answer = classifyTensor(tensor, { count, labels: undefined, rows: 'single' });
  return decodeBytesElements(answer.data, 'O').map((text) => Number(Buffer.from(text).toString().split(':')[1]));
}

test('the best classes are those that a stable sort puts first', () => {
  const value = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.constantFrom(Number.NaN, Infinity, -Infinity));
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 45 }), (values, count) => {
      const rank = (one: number): number => (Number.isNaN(one) ? Number.NEGATIVE_INFINITY : one === -Infinity ? -1e9 : one);
      const sorted = values.map((_, index) => index).toSorted((a, b) => rank(values[b] ?? 0) - rank(values[a] ?? 0) || a - b);
      assert.deepEqual(ranking(values, count), sorted.slice(0, count));
    }),
  );
});

test('the best of very many values are found in one pass, and very many of them are refused', () => {
  const values = Array.from({ length: 1_000_001 }, (_, index) => index);
  assert.deepEqual(ranking(values, 2), [1_000_000, 999_999]);
  assert.throws(() => ranking(values, 1001), { code: 'invalid_request' });
  assert.equal(ranking(values.slice(0, 5000), 1001).length, 1001);
});
