// Writes a small model repository, in the form that Triton reads, to play with:
//   node examples/make-models.ts ./models
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildModel, operation, port, writeModel, type ModelParts } from '../packages/onnx-tools/index.ts';

/** Sum and difference of two vectors: the model of Triton's first examples. */
const simple: ModelParts = {
  inputs: [port('INPUT0', 'INT32', ['batch', 16]), port('INPUT1', 'INT32', ['batch', 16])],
  outputs: [port('OUTPUT0', 'INT32', ['batch', 16]), port('OUTPUT1', 'INT32', ['batch', 16])],
  operations: [operation('Add', ['INPUT0', 'INPUT1'], ['OUTPUT0']), operation('Sub', ['INPUT0', 'INPUT1'], ['OUTPUT1'])],
};

const identity: ModelParts = {
  inputs: [port('INPUT0', 'FP32', ['batch', 'size'])],
  outputs: [port('OUTPUT0', 'FP32', ['batch', 'size'])],
  operations: [operation('Identity', ['INPUT0'], ['OUTPUT0'])],
};

const simpleConfig = `name: "simple"
max_batch_size: 8
input [
  { name: "INPUT0" data_type: TYPE_INT32 dims: [ 16 ] },
  { name: "INPUT1" data_type: TYPE_INT32 dims: [ 16 ] }
]
output [
  { name: "OUTPUT0" data_type: TYPE_INT32 dims: [ 16 ] },
  { name: "OUTPUT1" data_type: TYPE_INT32 dims: [ 16 ] }
]
dynamic_batching { max_queue_delay_microseconds: 500 }
`;

const folder = process.argv[2] ?? './models';
for (const [name, model] of Object.entries({ simple, identity })) {
  mkdirSync(join(folder, name, '1'), { recursive: true });
  writeFileSync(join(folder, name, '1', 'model.onnx'), writeModel(buildModel(model)));
}
writeFileSync(join(folder, 'simple', 'config.pbtxt'), simpleConfig);
process.stdout.write(`Wrote the models simple and identity to ${folder}.\n`);
