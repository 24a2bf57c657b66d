import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import fc from 'fast-check';
import {
  buildModel,
  operation,
  port,
  sequencePort,
  splitWeights,
  tensor,
  writeModel,
  type ElementType,
  type ModelParts,
} from '../../../../packages/onnx-tools/index.ts';
import { PlinthError } from '../../../core/errors/index.ts';
import { datatypeBytes, tensorDatatypes, type Tensor } from '../../../core/inference/index.ts';
import { defaultOnnxOptions, type OnnxOptions } from '../../../core/models/index.ts';
import { openOnnxGraph, type OnnxGraph } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'plinth-onnx-'));
const opened: OnnxGraph[] = [];
let files = 0;

after(() => {
  for (const graph of opened) graph.close();
  rmSync(folder, { recursive: true });
});

function fileOf(bytes: Uint8Array): string {
  const path = join(folder, `${files++}.onnx`);
  writeFileSync(path, bytes);
  return path;
}

function open(parts: ModelParts, options: Partial<OnnxOptions> = {}): OnnxGraph {
  const graph = openOnnxGraph(fileOf(writeModel(buildModel(parts))), { ...defaultOnnxOptions, ...options });
  opened.push(graph);
  return graph;
}

const identity = (datatype: ElementType, dims?: readonly (number | string)[]): ModelParts => ({
  inputs: [port('x', datatype, dims)],
  outputs: [port('y', datatype, dims)],
  operations: [operation('Identity', ['x'], ['y'])],
});

/** y = a + b, where b is 5 unless it is given. */
const addition: ModelParts = {
  inputs: [port('a', 'FP32', ['batch', 3]), port('b', 'FP32', [1])],
  outputs: [port('y', 'FP32', ['batch', 3])],
  initializers: [tensor('b', 'FP32', { dims: [1], values: [5] })],
  operations: [operation('Add', ['a', 'b'], ['y'])],
};

const fourBits: ModelParts = {
  inputs: [port('x', 'INT4', [2])],
  outputs: [port('y', 'FP32', [2])],
  initializers: [tensor('scale', 'FP32', { dims: [], values: [1] })],
  operations: [operation('DequantizeLinear', ['x', 'scale'], ['y'])],
  opset: 21,
  irVersion: 10,
};

function bytesTensor(name: string, elements: readonly Uint8Array[], shape: readonly number[] = [elements.length]): Tensor {
  const parts = elements.flatMap((element) => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(element.length);
    return [length, element];
  });
  return { name, datatype: 'BYTES', shape, data: Uint8Array.from(Buffer.concat(parts)) };
}

function floats(name: string, values: readonly number[], shape: readonly number[] = [values.length]): Tensor {
  return { name, datatype: 'FP32', shape, data: new Uint8Array(Float32Array.from(values).buffer) };
}

function valuesOf(result: readonly Tensor[]): number[] {
  return Array.from(new Float32Array(Uint8Array.from(result[0]?.data ?? []).buffer));
}

function failureOf(call: () => unknown): PlinthError {
  try {
    call();
  } catch (error) {
    if (error instanceof PlinthError) return error;
    throw error;
  }
  return assert.fail('nothing was thrown');
}

function fails(call: () => unknown, code: PlinthError['code'], message: RegExp): void {
  const error = failureOf(call);
  assert.equal(error.code, code);
  assert.match(error.message, message);
  assert.doesNotMatch(error.message, /plinth-onnx-|\.cc:|\.h:/);
}

suite('graphs in ONNX Runtime', () => {
  for (const datatype of tensorDatatypes.filter((one) => one !== 'BYTES')) {
    test(`${datatype} elements come back bit by bit, from any offset`, () => {
      const graph = open(identity(datatype, ['n']));
      const size = datatypeBytes[datatype];
      const bits = fc.uint8Array({ minLength: 0, maxLength: 10 * size }).map((bytes) => {
        const whole = bytes.subarray(0, bytes.length - (bytes.length % size));
        return datatype === 'BOOL' ? whole.map((byte) => byte & 1) : whole;
      });
      fc.assert(
        fc.property(bits, fc.nat(9), (bytes, offset) => {
          const room = new Uint8Array(bytes.length + offset);
          room.set(bytes, offset);
          const shape = [bytes.length / size];
          const [y] = graph.run([{ name: 'x', datatype, shape, data: room.subarray(offset) }]);
          assert.deepEqual(y, { name: 'y', datatype, shape, data: bytes });
        }),
        { numRuns: 30 },
      );
    });
  }

  test('strings come back byte for byte, zeros and broken UTF-8 included', () => {
    const graph = open(identity('BYTES', ['n']));
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 12 }), (elements) => {
        const x = bytesTensor('x', elements);
        assert.deepEqual(graph.run([x]), [{ ...x, name: 'y' }]);
      }),
    );
    const awkward = bytesTensor(
      'x',
      [[], [0], [0, 0, 1], [255, 254, 0, 128], [...Buffer.from('né')], []].map((b) => Uint8Array.from(b)),
    );
    assert.deepEqual(graph.run([awkward])[0]?.data, awkward.data);
  });

  test('truth values other than 0 and 1 become 1', () => {
    const graph = open(identity('BOOL', [3]));
    const [y] = graph.run([{ name: 'x', datatype: 'BOOL', shape: [3], data: Uint8Array.of(0, 2, 255) }]);
    assert.deepEqual(y?.data, Uint8Array.of(0, 1, 1));
  });

  test('scalars and tensors with a size of zero go through', () => {
    const scalar = open(identity('INT64', []));
    const data = new Uint8Array(BigInt64Array.of(-7n).buffer);
    assert.deepEqual(scalar.run([{ name: 'x', datatype: 'INT64', shape: [], data }]), [
      { name: 'y', datatype: 'INT64', shape: [], data },
    ]);
    const empty = open(addition).run([floats('a', [], [0, 3])]);
    assert.deepEqual(empty, [floats('y', [], [0, 3])]);
  });

  test('ports are described with types, sizes, names of open sizes and optional inputs', () => {
    const graph = open(addition);
    assert.deepEqual(graph.inputs, [
      { name: 'a', datatype: 'FP32', shape: [-1, 3], symbols: ['batch', undefined], isOptional: false },
      { name: 'b', datatype: 'FP32', shape: [1], symbols: [undefined], isOptional: true },
    ]);
    assert.deepEqual(graph.outputs, [
      { name: 'y', datatype: 'FP32', shape: [-1, 3], symbols: ['batch', undefined], isOptional: false },
    ]);
    assert.equal(graph.engine, 'ONNX Runtime 1.30.0 cpu');
    assert.equal(graph.threads, 1);
  });

  test('an input of open rank takes any shape', () => {
    const graph = open(identity('FP32'));
    assert.deepEqual(graph.inputs[0], {
      name: 'x',
      datatype: 'FP32',
      shape: [],
      symbols: [],
      isOptional: false,
      isUnranked: true,
    });
    assert.deepEqual(graph.run([floats('x', [1, 2], [1, 2, 1])])[0]?.shape, [1, 2, 1]);
    const deep = floats(
      'x',
      [1],
      Array.from({ length: 40 }, () => 1),
    );
    fails(() => graph.run([deep]), 'invalid_request', /up to 32 dimensions/);
  });

  test('an optional input has its own value until it is given one', () => {
    const graph = open(addition);
    assert.deepEqual(valuesOf(graph.run([floats('a', [1, 2, 3], [1, 3])])), [6, 7, 8]);
    assert.deepEqual(valuesOf(graph.run([floats('b', [10]), floats('a', [1, 2, 3], [1, 3])])), [11, 12, 13]);
  });

  test('outputs come in the order in which they are asked for', () => {
    const graph = open({
      inputs: [port('x', 'FP32', [1])],
      outputs: [port('first', 'FP32', [1]), port('second', 'FP32', [1])],
      operations: [operation('Neg', ['x'], ['first']), operation('Exp', ['x'], ['second'])],
    });
    const names = (outputs?: readonly string[]) => graph.run([floats('x', [0])], outputs).map(({ name }) => name);
    assert.deepEqual(names(), ['first', 'second']);
    assert.deepEqual(names(['second', 'first']), ['second', 'first']);
    assert.deepEqual(names(['second']), ['second']);
    assert.deepEqual(names([]), []);
    fails(() => names(['third']), 'invalid_request', /no output 'third'; its outputs are 'first' \(FP32 \[1\]\), 'second'/);
    fails(() => names(['first', 'first']), 'invalid_request', /'first' is asked for twice/);
  });

  test('later runs leave earlier outputs alone', () => {
    const graph = open(addition);
    const first = graph.run([floats('a', [1, 2, 3], [1, 3])]);
    for (let i = 0; i < 50; i++) graph.run([floats('a', [i, i, i], [1, 3])]);
    graph.close();
    assert.deepEqual(valuesOf(first), [6, 7, 8]);
    fails(() => graph.run([floats('a', [1, 2, 3], [1, 3])]), 'engine_failed', /closed/);
  });

  const misfits: readonly [string, readonly Tensor[], RegExp][] = [
    ['a foreign name', [floats('c', [1])], /no input 'c'; its inputs are 'a' \(FP32 \[-1,3\]\), 'b' \(FP32 \[1\]\)/],
    ['a missing input', [floats('b', [1])], /'a' is missing/],
    ['the same input twice', [floats('b', [1]), floats('b', [1])], /'b' is given twice/],
    ['another datatype', [{ ...floats('a', [1, 2, 3], [1, 3]), datatype: 'INT32' }], /datatype INT32; FP32 is expected/],
    ['another rank', [floats('a', [1, 2, 3])], /shape \[3\]; \[-1,3\] is expected/],
    ['another size', [floats('a', [1, 2, 3, 4], [1, 4])], /shape \[1,4\]; \[-1,3\] is expected/],
    ['too little data', [floats('a', [1, 2, 3], [2, 3])], /12 bytes of data, which do not fit shape \[2,3\] of FP32/],
    ['a negative size', [floats('a', [], [-1, 3])], /whole numbers/],
    ['a product past all numbers', [floats('a', [], [2 ** 53 - 1, 3])], /whole numbers/],
  ];
  for (const [what, inputs, message] of misfits) {
    test(`${what} is refused before native code sees it`, () => {
      fails(() => open(addition).run(inputs), 'invalid_request', message);
    });
  }

  test('strings that do not fill their data exactly are refused', () => {
    const graph = open(identity('BYTES', ['n']));
    const run = (data: readonly number[], count: number) => () =>
      graph.run([{ name: 'x', datatype: 'BYTES', shape: [count], data: Uint8Array.from(data) }]);
    fails(run([1, 0, 0, 0], 1), 'invalid_request', /must be 1 strings/);
    fails(run([0, 0, 0, 0, 9], 1), 'invalid_request', /must be 1 strings/);
    fails(run([255, 255, 255, 255], 1), 'invalid_request', /must be 1 strings/);
    fails(run([0, 0, 0, 0], 2 ** 40), 'invalid_request', /do not fit/);
  });

  test('what fails inside the graph is told without places in the library', () => {
    const graph = open({
      inputs: [port('table', 'FP32', ['n']), port('at', 'INT64', ['m'])],
      outputs: [port('y', 'FP32', ['m'])],
      operations: [operation('Gather', ['table', 'at'], ['y'])],
    });
    const at = { name: 'at', datatype: 'INT64', shape: [1], data: new Uint8Array(BigInt64Array.of(9n).buffer) } as const;
    fails(() => graph.run([floats('table', [1, 2]), at]), 'invalid_request', /Gather.*9/);
    assert.deepEqual(valuesOf(graph.run([floats('table', [1, 2]), { ...at, data: new Uint8Array(8) }])), [1]);
  });

  const foreign: readonly [string, ModelParts, RegExp][] = [
    ['four-bit numbers', fourBits, /Input 'x' of the model is a tensor of element type INT4/],
    [
      'a sequence',
      {
        inputs: [port('x', 'FP32', [2])],
        outputs: [sequencePort('y', 'FP32')],
        operations: [operation('SequenceConstruct', ['x'], ['y'])],
      },
      /Output 'y' of the model is a sequence/,
    ],
  ];
  for (const [what, parts, message] of foreign) {
    test(`a model with ${what} is refused by the name of its port`, () =>
      fails(() => open(parts), 'invalid_model_file', message));
  }

  test('a file that is no model is refused by its name', () => {
    const path = fileOf(Buffer.from('not a model'));
    fails(() => openOnnxGraph(path, defaultOnnxOptions), 'invalid_model_file', /cannot load the file \d+\.onnx: /);
    fails(() => openOnnxGraph(join(folder, 'none.onnx'), defaultOnnxOptions), 'invalid_model_file', /none\.onnx/);
    const unknown = { ...identity('FP32', [1]), operations: [operation('Frobnicate', ['x'], ['y'])] };
    fails(() => open(unknown), 'invalid_model_file', /Frobnicate/);
  });

  test('weights in a file beside the model are found', () => {
    const weights = Array.from({ length: 600 }, (_, at) => at);
    const model = buildModel({
      inputs: [port('x', 'FP32', [1])],
      outputs: [port('y', 'FP32', [600])],
      initializers: [tensor('w', 'FP32', { dims: [600], values: Float32Array.from(weights) })],
      operations: [operation('Add', ['x', 'w'], ['y'])],
    });
    writeFileSync(join(folder, 'weights.bin'), Buffer.concat(splitWeights(model, { location: 'weights.bin' })));
    const graph = openOnnxGraph(fileOf(writeModel(model)), defaultOnnxOptions);
    assert.deepEqual(
      valuesOf(graph.run([floats('x', [1])])),
      weights.map((weight) => weight + 1),
    );
    graph.close();
  });

  test('options that a caller may set give a working graph', () => {
    const graph = open(addition, { intraOpThreads: 2, spinning: 'on', memoryArena: 'off' });
    assert.equal(graph.threads, 2);
    assert.deepEqual(valuesOf(graph.run([floats('a', [1, 2, 3], [1, 3])])), [6, 7, 8]);
  });

  for (const executionProvider of ['cuda', 'tensorrt'] as const) {
    test(`${executionProvider} works or is refused with the list of what this build has`, () => {
      try {
        assert.equal(open(addition, { executionProvider }).engine, `ONNX Runtime 1.30.0 ${executionProvider}`);
      } catch (error) {
        assert.ok(error instanceof PlinthError);
        assert.equal(error.code, 'engine_failed');
        assert.match(error.message, new RegExp(`'${executionProvider}' cannot be used.*made with cpu, `));
      }
    });
  }

  test('native values go from run to run without a copy', () => {
    const graph = open(addition);
    const start = floats('a', [1, 2, 3], [1, 3]);
    let value = graph.wrap(start);
    for (let i = 0; i < 4; i++) {
      const [next] = graph.runNative(new Map([['a', value]]), ['y']);
      value.close();
      assert.ok(next);
      value = next;
    }
    assert.deepEqual([value.datatype, value.shape], ['FP32', [1, 3]]);
    assert.deepEqual([...new Float32Array(value.viewData().buffer)], [21, 22, 23]);
    assert.deepEqual(value.copyData(), floats('', [21, 22, 23]).data);
    value.close();
    value.close();
  });

  test('ten thousand runs keep no memory', () => {
    const numbers = open(addition);
    const strings = open(identity('BYTES', ['n']));
    const size = 3000;
    const a = floats(
      'a',
      Array.from({ length: size }, () => 1),
      [size / 3, 3],
    );
    const x = bytesTensor('x', [new Uint8Array(5000).fill(65), new Uint8Array(5000)]);
    const work = (count: number) => {
      for (let i = 0; i < count; i++) {
        numbers.run([a]);
        strings.run([x]);
        assert.throws(() => strings.run([{ ...x, data: x.data.subarray(1) }]));
      }
    };
    work(1000);
    const before = process.memoryUsage.rss();
    work(10_000);
    assert.ok(process.memoryUsage.rss() - before < 40e6, 'a kept output of each run would be 240 MB');
  });
});
