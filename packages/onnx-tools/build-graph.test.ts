import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import {
  buildFunction,
  buildGraph,
  buildModel,
  describeModel,
  float,
  operation,
  port,
  sequencePort,
  tensor,
  writeModel,
  type ModelParts,
} from './index.ts';

async function runModel(parts: ModelParts, feeds: Record<string, Tensor>): Promise<Record<string, unknown[]>> {
  const runtime = await InferenceSession.create(writeModel(buildModel(parts)), { logSeverityLevel: 3 });
  const results = await runtime.run(feeds);
  await runtime.release();
  return Object.fromEntries(Object.entries(results).map(([name, { data }]) => [name, Array.from<unknown>(data)]));
}

describe('graphs that are built here run in ONNX Runtime', () => {
  it('a product with an open batch', async () => {
    const parts: ModelParts = {
      inputs: [port('x', 'FP32', ['batch', 2])],
      outputs: [port('y', 'FP32', ['batch', 2])],
      initializers: [tensor('w', 'FP32', { dims: [2, 2], values: [1, 2, 3, -4] })],
      operations: [operation('MatMul', ['x', 'w'], ['product']), operation('Relu', ['product'], ['y'])],
    };
    const x = new Tensor('float32', [1, 1, 0, 1], [2, 2]);
    assert.deepEqual(await runModel(parts, { x }), { y: [4, 0, 3, 0] });
  });

  it('attributes keep their kinds: whole numbers are ints, float() makes floats', async () => {
    const parts: ModelParts = {
      inputs: [port('a', 'FP32', [1, 2]), port('b', 'FP32', [1, 2])],
      outputs: [port('y', 'FP32', [1, 1])],
      operations: [operation('Gemm', ['a', 'b'], { outputs: ['y'], attributes: { transB: 1, alpha: float(2), beta: 0.5 } })],
    };
    const row = () => new Tensor('float32', [3, 4], [1, 2]);
    assert.deepEqual(await runModel(parts, { a: row(), b: row() }), { y: [50] });
  });

  it('every type that takes numbers comes back as these numbers', async () => {
    const datatypes = [
      'UINT8',
      'INT8',
      'UINT16',
      'INT16',
      'UINT32',
      'INT32',
      'UINT64',
      'INT64',
      'FP16',
      'BF16',
      'FP32',
      'FP64',
    ] as const;
    const parts: ModelParts = {
      outputs: datatypes.map((datatype) => port(`y_${datatype}`, 'FP64', [3])),
      initializers: datatypes.map((datatype) => tensor(datatype, datatype, { dims: [3], values: [0, 1, 96] })),
      operations: datatypes.map((datatype) =>
        operation('Cast', [datatype], { outputs: [`y_${datatype}`], attributes: { to: 11 } }),
      ),
    };
    const expected = Object.fromEntries(datatypes.map((datatype) => [`y_${datatype}`, [0, 1, 96]]));
    assert.deepEqual(await runModel(parts, {}), expected);
  });

  it('strings, booleans and packed 4-bit numbers are understood', async () => {
    const parts: ModelParts = {
      opset: 21,
      irVersion: 10,
      outputs: [port('texts', 'BYTES', [2]), port('flags', 'BOOL', [2]), port('wide', 'INT32', [3])],
      initializers: [
        tensor('t', 'BYTES', { dims: [2], values: ['grün', ''] }),
        tensor('f', 'BOOL', { dims: [2], values: [true, false] }),
        tensor('narrow', 'INT4', { dims: [3], values: [-8, 7, -1] }),
      ],
      operations: [
        operation('Identity', ['t'], ['texts']),
        operation('Identity', ['f'], ['flags']),
        operation('Cast', ['narrow'], { outputs: ['wide'], attributes: { to: 6 } }),
      ],
    };
    assert.deepEqual(await runModel(parts, {}), { texts: ['grün', ''], flags: [1, 0], wide: [-8, 7, -1] });
  });

  it('branches and functions of the model itself', async () => {
    const branch = (value: number) =>
      buildGraph({
        outputs: [port('b', 'FP32', [1])],
        operations: [
          operation('Constant', [], {
            outputs: ['b'],
            attributes: { value: tensor('', 'FP32', { dims: [1], values: [value] }) },
          }),
        ],
      });
    const parts: ModelParts = {
      inputs: [port('on', 'BOOL', [])],
      outputs: [port('y', 'FP32', [1])],
      domains: { 'test.local': 1 },
      functions: [
        buildFunction({
          domain: 'test.local',
          name: 'Double',
          inputs: ['a'],
          outputs: ['c'],
          operations: [operation('Add', ['a', 'a'], ['c'])],
        }),
      ],
      operations: [
        operation('If', ['on'], { outputs: ['chosen'], attributes: { then_branch: branch(3), else_branch: branch(5) } }),
        operation('Double', ['chosen'], { outputs: ['y'], domain: 'test.local' }),
      ],
    };
    assert.deepEqual(await runModel(parts, { on: new Tensor('bool', [true], []) }), { y: [6] });
    assert.deepEqual(await runModel(parts, { on: new Tensor('bool', [false], []) }), { y: [10] });
  });
});

describe('building a tensor', () => {
  it('values that do not fit the dims are refused by name', () => {
    assert.throws(() => tensor('w', 'FP32', { dims: [2, 2], values: [1] }), {
      message: /"w" has 1 values, its dims \[2, 2\] need 4/,
    });
    assert.throws(() => tensor('w', 'FP32', { dims: [2], values: new Uint8Array(7) }), { message: /7 raw bytes, 2 FP32 need 8/ });
    assert.throws(() => tensor('w', 'BYTES', { dims: [1], values: [1] }), { message: /expected a string or bytes/ });
    assert.throws(() => tensor('w', 'FP8E4M3FN', { dims: [1], values: [1] }), { message: /takes raw bytes only/ });
  });

  it('ports of open size, open rank and of sequences are described as they are declared', () => {
    const model = buildModel({
      inputs: [port('open', 'INT64', ['n', -1, 3]), port('unranked', 'FP16'), sequencePort('list', 'FP32', [2])],
      outputs: [],
      operations: [],
    });
    assert.deepEqual(
      describeModel(model).inputs.map(({ name, kind, datatype, shape, symbols }) => ({ name, kind, datatype, shape, symbols })),
      [
        { name: 'open', kind: 'tensor', datatype: 'INT64', shape: [-1, -1, 3], symbols: ['n', undefined, undefined] },
        { name: 'unranked', kind: 'tensor', datatype: 'FP16', shape: undefined, symbols: [] },
        { name: 'list', kind: 'sequence', datatype: 'FP32', shape: [2], symbols: [undefined] },
      ],
    );
  });
});
