import assert from 'node:assert/strict';
import test from 'node:test';
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
