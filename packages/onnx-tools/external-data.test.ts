import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { buildModel, joinWeights, operation, port, readModel, splitWeights, tensor, writeModel } from './index.ts';

const draft = () =>
  buildModel({
    inputs: [port('x', 'FP32', [1, 600])],
    outputs: [port('y', 'FP32', [1, 2])],
    initializers: [
      tensor('w', 'FP32', { dims: [600, 2], values: Float32Array.from({ length: 1_200 }, (_, index) => index % 2) }),
      tensor('v', 'FP32', { dims: [600], values: new Float32Array(600).fill(3) }),
      tensor('small', 'FP32', { dims: [2], values: [10, 20] }),
    ],
    operations: [
      operation('Mul', ['x', 'v'], ['scaled']),
      operation('MatMul', ['scaled', 'w'], ['product']),
      operation('Add', ['product', 'small'], ['y']),
    ],
  });

describe('weights in a file of their own', () => {
  it('the runtime finds them there, each at the beginning of a page', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'plinth-external-'));
    try {
      const model = draft();
      await writeFile(join(folder, 'model.data'), Buffer.concat(splitWeights(model, { location: 'model.data' })));
      await writeFile(join(folder, 'model.onnx'), writeModel(model));
      assert.deepEqual(
        model.graph?.initializer.map(({ externalData }) => externalData.find(({ key }) => key === 'offset')?.value),
        ['0', '8192', undefined],
      );
      const runtime = await InferenceSession.create(join(folder, 'model.onnx'));
      const { y } = await runtime.run({ x: new Tensor('float32', new Float32Array(600).fill(1), [1, 600]) });
      await runtime.release();
      assert.deepEqual(Array.from<unknown>(y?.data ?? []), [10, 1_820]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('taken back, the file is what it was', () => {
    const model = draft();
    const data = Buffer.concat(splitWeights(model, { location: 'd' }));
    const moved = readModel(writeModel(model));
    joinWeights(moved, new Map([['d', data]]));
    assert.deepEqual(Buffer.from(writeModel(moved)), Buffer.from(writeModel(draft())));
  });

  it('a file that is missing or cut off is named', () => {
    const model = draft();
    const data = Buffer.concat(splitWeights(model, { location: 'd' }));
    assert.throws(() => joinWeights(model, new Map()), { name: 'OnnxToolsError', message: /"w" lies in "d"/ });
    assert.throws(() => joinWeights(model, new Map([['d', data.subarray(0, 5_000)]])), {
      message: /"v" ends at byte 10592 of "d"/,
    });
  });
});
