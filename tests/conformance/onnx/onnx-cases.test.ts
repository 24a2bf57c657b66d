import assert from 'node:assert/strict';
import { basename } from 'node:path';
import test from 'node:test';
import { tensorDatatypes } from '../../../src/core/inference/index.ts';
import { readCase } from './case-file.ts';
import { findPackagedCases, listCaseFolders, prepareOnnxPython } from './obtain-cases.ts';
import { EQUAL, serveCases } from './served-cases.ts';

const AT_ONCE = 4;

/** Few of the 1,700 cases that benchmarks/onnx-conformance.ts runs, chosen so that every datatype and many kinds of operators are among them. */
const SAMPLE = [
  'test_and_bcast3v1d',
  'test_add_uint8',
  'test_add_uint16',
  'test_add_uint32',
  'test_add_uint64',
  'test_add_int8',
  'test_add_int16',
  'test_bitwise_and_i32_2d',
  'test_cast_FLOAT_to_BFLOAT16',
  'test_cast_BFLOAT16_to_FLOAT',
  'test_cast_DOUBLE_to_FLOAT16',
  'test_string_concat_broadcasting',
  'test_string_split_basic',
  'test_clip',
  'test_concat_3d_axis_1',
  'test_conv_with_strides_padding',
  'test_gather_elements_0',
  'test_if',
  'test_isnan',
  'test_layer_normalization_3d_axis1_epsilon',
  'test_lstm_defaults',
  'test_nonmaxsuppression_two_batches',
  'test_nonzero_example',
  'test_qlinearmatmul_2D_uint8_float32',
  'test_softmax_axis_1',
  'test_top_k',
];

test('a sample of the ONNX cases gives equal results over REST and over gRPC', async () => {
  const folders = listCaseFolders(findPackagedCases(await prepareOnnxPython()));
  const cases = folders.filter((folder) => SAMPLE.includes(basename(folder))).map(readCase);
  assert.deepEqual(cases.map(({ name }) => name).toSorted(), SAMPLE.toSorted());
  const tensors = cases.flatMap(({ data }) => data.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]));
  assert.deepEqual(new Set(tensors.map(({ datatype }) => datatype)), new Set(tensorDatatypes));

  await using served = await serveCases(cases);
  const waiting = [...cases];
  const askAll = Array.from({ length: AT_ONCE }, async () => {
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
      const results = await served.check(one);
      assert.deepEqual(results, { load: 'loaded', rest: EQUAL, grpc: EQUAL, unload: 'unloaded' }, one.name);
    }
  });
  await Promise.all(askAll);
});
