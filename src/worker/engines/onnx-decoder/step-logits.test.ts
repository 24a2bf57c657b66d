import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { buildModel, operation, port, writeModel } from '../../../../packages/onnx-tools/index.ts';
import type { TensorDatatype } from '../../../core/inference/index.ts';
import { defaultOnnxOptions } from '../../../core/models/index.ts';
import { openOnnxGraph } from '../onnx/index.ts';
import { StepLogits } from './step-logits.ts';

const folder = mkdtempSync(join(tmpdir(), 'plinth-logits-'));
const file = join(folder, 'identity.onnx');
const parts = {
  inputs: [port('x', 'FP32', [1])],
  outputs: [port('y', 'FP32', [1])],
  operations: [operation('Identity', ['x'], ['y'])],
};
writeFileSync(file, writeModel(buildModel(parts)));
/** Values can be made by any graph. */
const graph = openOnnxGraph(file, defaultOnnxOptions);

after(() => {
  graph.close();
  rmSync(folder, { recursive: true });
});

const numbers = [1, -2, 0.5, 4, -8, 2 ** -24];
const brain = Uint16Array.from(new Uint32Array(Float32Array.from(numbers).buffer), (bits) => bits >>> 16);
const encodings: readonly [TensorDatatype, ArrayBufferView][] = [
  ['FP32', Float32Array.from(numbers)],
  ['FP16', Uint16Array.of(0x3c00, 0xc000, 0x3800, 0x4400, 0xc800, 0x0001)],
  ['BF16', brain],
];

for (const [datatype, { buffer }] of encodings) {
  test(`logits of ${datatype} are found by the place of their token in the step`, () => {
    const logits = new StepLogits(3);
    logits.add(graph.wrap({ name: 'logits', datatype, shape: [1, 2, 3], data: new Uint8Array(buffer) }), 7);
    assert.deepEqual([...(logits.row(6) ?? [])], [1, -2, 0.5]);
    assert.deepEqual([...(logits.row(7) ?? [])], [4, -8, 2 ** -24]);
    assert.deepEqual([logits.row(5), logits.row(8)], [undefined, undefined]);
    logits.clear();
    assert.equal(logits.row(7), undefined);
  });
}
