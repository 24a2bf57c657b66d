import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { buildModel, operation, port, tensor, writeModel } from '../../../../packages/onnx-tools/index.ts';
import { screenOnnxFile } from './index.ts';

describe('screening an ONNX file in a process of its own', () => {
  let folder: string;
  const write = async (name: string, bytes: Uint8Array): Promise<string> => {
    await writeFile(join(folder, name), bytes);
    return join(folder, name);
  };
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'plinth-onnx-'));
  });
  after(() => rm(folder, { recursive: true }));

  const sound = writeModel(
    buildModel({
      inputs: [port('x', 'FP32', ['batch', 2])],
      outputs: [port('y', 'FP32', ['batch', 2])],
      initializers: [tensor('w', 'FP32', { dims: [2], values: [1, 2] })],
      operations: [operation('Add', ['x', 'w'], ['y'])],
    }),
  );

  /** A weight of four bytes in `location`. */
  function outside(location: string): Uint8Array {
    const weight = tensor('w', 'FP32', { dims: [0], values: [] });
    Reflect.deleteProperty(weight, 'rawData');
    const entry = { $typeName: 'onnx.StringStringEntryProto' as const, key: 'location', value: location };
    Object.assign(weight, { dims: [1n], dataLocation: 1, externalData: [entry] });
    return writeModel(buildModel({ outputs: [port('w', 'FP32', [1])], initializers: [weight], operations: [] }));
  }

  it('a sound file is summed up', async () => {
    const summary = await screenOnnxFile(await write('sound.onnx', sound));
    assert.deepEqual(
      [summary.inputs, summary.parameterCount, summary.fileBytes, summary.opset],
      [[{ name: 'x', datatype: 'FP32', shape: [-1, 2], symbols: ['batch', null], isOptional: false }], 2, sound.length, 17],
    );
  });

  it('a broken file is refused in the words of the rule', async () => {
    const file = await write('broken.onnx', Buffer.concat([sound, sound]));
    await assert.rejects(screenOnnxFile(file), {
      code: 'invalid_model_file',
      message: 'invalid model file: the model has the field "ir_version" twice',
    });
  });

  it('a GGUF file is no graph', async () => {
    await assert.rejects(screenOnnxFile(await write('model.gguf', Buffer.from('GGUF\u0003\0\0\0'))), {
      code: 'invalid_model_file',
    });
  });

  it('weights beside the file stay in its folder, or in the folder that is named', async () => {
    const inner = join(folder, 'inner');
    await mkdir(inner);
    await write('weights.bin', new Uint8Array(4));
    const escaping = join(inner, 'model.onnx');
    await writeFile(escaping, outside('../weights.bin'));
    await assert.rejects(screenOnnxFile(escaping), {
      code: 'invalid_model_file',
      message: /relative path inside the model's folder/,
    });
    const beside = await write('beside.onnx', outside('weights.bin'));
    assert.deepEqual((await screenOnnxFile(beside)).externalFiles, ['weights.bin']);
    await assert.rejects(screenOnnxFile(beside, { dataFolder: inner }), { message: /leads out of the model's folder/ });
  });

  it('a file that takes too long or too much memory costs no more than its limits', async () => {
    // Millions of operations of names that all differ: each is sound, together they are more than the limits allow.
    const file = await write('heavy.onnx', manyOperations(400_000));
    await assert.rejects(screenOnnxFile(file, { timeoutMs: 40 }), { message: /could not be checked within 40 ms/ });
    await assert.rejects(screenOnnxFile(file, { memoryBytes: 48 * 1024 * 1024 }), { message: /more memory than allowed/ });
  });

  it('an aborted check is cancelled', async () => {
    const controller = new AbortController();
    const check = screenOnnxFile(await write('sound.onnx', sound), { signal: controller.signal });
    controller.abort();
    await assert.rejects(check, { code: 'cancelled' });
  });
});

function manyOperations(count: number): Uint8Array {
  const pieces: Buffer[] = [];
  for (let index = 0; index < count; index++) {
    const name = Buffer.from(`Operation${String(index).padStart(8, '0')}`);
    pieces.push(Buffer.from([0x0a, name.length + 2, 0x22, name.length]), name);
  }
  const graph = Buffer.concat(pieces);
  const length: number[] = [];
  for (let rest = graph.length; ; rest >>>= 7) {
    length.push(rest < 0x80 ? rest : (rest & 0x7f) | 0x80);
    if (rest < 0x80) break;
  }
  return Buffer.concat([Buffer.from([0x08, 8, 0x3a, ...length]), graph]);
}
