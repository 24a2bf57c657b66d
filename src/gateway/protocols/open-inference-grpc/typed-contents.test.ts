import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { InferTensorContentsSchema } from '../grpc/generated/index.ts';
import { packContents } from './typed-contents.ts';

type Contents = MessageInitShape<typeof InferTensorContentsSchema>;

const PLACE = { input: 'I', model: 'M' };

const packed: ReadonlyArray<readonly [datatype: string, contents: Contents, bytes: string]> = [
  ['BOOL', { boolContents: [true, false] }, '0100'],
  ['INT8', { intContents: [-1, 5] }, 'ff05'],
  ['INT16', { intContents: [-2, 5] }, 'feff0500'],
  ['INT32', { intContents: [-3] }, 'fdffffff'],
  ['INT64', { int64Contents: [-4n] }, 'fcffffffffffffff'],
  ['UINT8', { uintContents: [255] }, 'ff'],
  ['UINT16', { uintContents: [65_535, 1] }, 'ffff0100'],
  ['UINT32', { uintContents: [4_294_967_295] }, 'ffffffff'],
  ['UINT64', { uint64Contents: [2n ** 64n - 1n] }, 'ffffffffffffffff'],
  ['FP32', { fp32Contents: [1.5] }, '0000c03f'],
  ['FP64', { fp64Contents: [1.5] }, '000000000000f83f'],
  ['BYTES', { bytesContents: [Buffer.from('ab'), Buffer.alloc(0)] }, '02000000616200000000'],
];

for (const [datatype, contents, bytes] of packed) {
  test(`${datatype} elements become little-endian bytes`, () => {
    const raw = packContents(create(InferTensorContentsSchema, contents), datatype, PLACE);
    assert.equal(Buffer.from(raw).toString('hex'), bytes);
  });
}

test('no elements are no bytes', () => {
  assert.equal(packContents(create(InferTensorContentsSchema), 'FP32', PLACE).byteLength, 0);
});

test('elements of two fields, and of a field that does not fit, are refused by name', () => {
  const two = create(InferTensorContentsSchema, { intContents: [1], fp32Contents: [1] });
  assert.throws(() => packContents(two, 'FP32', PLACE), /'I' for model 'M', binary data was already supplied/);
  const half = create(InferTensorContentsSchema, { fp32Contents: [1] });
  assert.throws(() => packContents(half, 'FP16', PLACE), /of type 'FP32', expected datatype 'FP16'/);
});
