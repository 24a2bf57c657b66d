import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildModel, operation, port, writeModel, type ModelParts } from '../../packages/onnx-tools/index.ts';

/** Sum and difference of two rows of sixteen integers: the model of Triton's own first example. */
const simple: ModelParts = {
  inputs: [port('INPUT0', 'INT32', ['batch', 16]), port('INPUT1', 'INT32', ['batch', 16])],
  outputs: [port('OUTPUT0', 'INT32', ['batch', 16]), port('OUTPUT1', 'INT32', ['batch', 16])],
  operations: [operation('Add', ['INPUT0', 'INPUT1'], ['OUTPUT0']), operation('Sub', ['INPUT0', 'INPUT1'], ['OUTPUT1'])],
};

const identity = (datatype: 'FP32' | 'INT64'): ModelParts => ({
  inputs: [port('INPUT', datatype, ['n'])],
  outputs: [port('OUTPUT', datatype, ['n'])],
  operations: [operation('Identity', ['INPUT'], ['OUTPUT'])],
});

const SIMPLE_CONFIG = `name: "simple"
platform: "onnxruntime_onnx"
max_batch_size: 8
input [ { name: "INPUT0" data_type: TYPE_INT32 dims: [ 16 ] }, { name: "INPUT1" data_type: TYPE_INT32 dims: [ 16 ] } ]
output [ { name: "OUTPUT0" data_type: TYPE_INT32 dims: [ 16 ] }, { name: "OUTPUT1" data_type: TYPE_INT32 dims: [ 16 ] } ]
`;

const identityConfig = (name: string, datatype: string): string => `name: "${name}"
platform: "onnxruntime_onnx"
max_batch_size: 0
input [ { name: "INPUT" data_type: ${datatype} dims: [ -1 ] } ]
output [ { name: "OUTPUT" data_type: ${datatype} dims: [ -1 ] } ]
`;

/** Writes a model repository of three small models: `simple`, `identity_fp32` and `identity_int64`. */
export async function writeSimpleRepository(folder: string): Promise<void> {
  await writeEntry(folder, { name: 'simple', config: SIMPLE_CONFIG, parts: simple });
  await writeEntry(folder, {
    name: 'identity_fp32',
    config: identityConfig('identity_fp32', 'TYPE_FP32'),
    parts: identity('FP32'),
  });
  await writeEntry(folder, {
    name: 'identity_int64',
    config: identityConfig('identity_int64', 'TYPE_INT64'),
    parts: identity('INT64'),
  });
}

interface Entry {
  readonly name: string;
  readonly config: string;
  readonly parts: ModelParts;
}

async function writeEntry(folder: string, { name, config, parts }: Entry): Promise<void> {
  const version = join(folder, name, '1');
  await mkdir(version, { recursive: true });
  await writeFile(join(folder, name, 'config.pbtxt'), config);
  await writeFile(join(version, 'model.onnx'), writeModel(buildModel(parts)));
}
