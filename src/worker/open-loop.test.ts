import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { buildModel, operation, port, tensor as weight, writeModel, type ModelParts } from '../../packages/onnx-tools/index.ts';
import { attachEvent, BodyWriter, detachRequest, encodeFrame, FrameReader } from '../core/framing/index.ts';
import type { InferenceEvent, Tensor, TensorRequest } from '../core/inference/index.ts';
import type { FromWorker, ToWorker } from '../core/messages/index.ts';
import {
  defaultOnnxOptions,
  type DynamicBatching,
  type ModelSpec,
  type SequenceBatching,
  type TensorModelConfig,
} from '../core/models/index.ts';
import { startWorker, type Worker } from './worker.ts';

const folder = mkdtempSync(join(tmpdir(), 'plinth-loop-'));
const workers: Worker[] = [];
after(async () => {
  for (const worker of workers) await worker.close();
  rmSync(folder, { recursive: true });
});

let models = 0;

/** Writes a model file and says how to load it. */
function specOf(parts: ModelParts, tensors?: TensorModelConfig): ModelSpec {
  const own = join(folder, `m${models++}`);
  mkdirSync(own);
  const filePath = join(own, 'model.onnx');
  writeFileSync(filePath, writeModel(buildModel(parts)));
  return {
    name: 'm',
    version: '1',
    engine: 'onnx',
    filePath,
    task: 'tensors',
    ...(tensors && { tensors }),
    onnx: { ...defaultOnnxOptions, intraOpThreads: 1 },
    slots: 0,
    contextTokens: 0,
    threads: 0,
    gpuLayers: 0,
    queueLength: 100,
    queueTimeoutMs: 5_000,
    memoryLimitBytes: 0,
    stepMs: 0,
  };
}

type Answer = readonly InferenceEvent[];

/** A gateway's end of the socket. */
class Caller {
  readonly #socket;
  readonly #reader = new FrameReader();
  readonly #heard = new Map<number, InferenceEvent[]>();
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #streams = 0;

  constructor(path: string) {
    this.#socket = connect(path);
    this.#socket.on('data', (chunk) => {
      for (const frame of this.#reader.push(chunk)) {
        for (const [stream, event] of (frame.header as FromWorker).events) this.#hear(stream, attachEvent(event, frame.body));
      }
    });
    after(() => this.#socket.destroy());
  }

  ask(request: Partial<TensorRequest>): Promise<Answer> {
    return this.begin(request).answer;
  }

  begin(request: Partial<TensorRequest>): { readonly stream: number; readonly answer: Promise<Answer> } {
    const stream = this.#streams++;
    const body = new BodyWriter();
    const whole = { kind: 'tensors', id: '', model: 'm', timeLeftMs: 10_000, inputs: [], parameters: {}, ...request } as const;
    const message: ToWorker = { type: 'infer', stream, request: detachRequest(whole, body), delivery: 'whole' };
    const answer = new Promise<Answer>((resolve) => this.#waiting.set(stream, resolve));
    this.#socket.write(encodeFrame(message, body.bodies));
    return { stream, answer };
  }

  cancel(stream: number): void {
    this.#socket.write(encodeFrame({ type: 'cancel', stream } satisfies ToWorker));
  }

  /** Requests that are in the worker's socket before it reads any of them. */
  together<T>(send: () => T): T {
    this.#socket.cork();
    try {
      return send();
    } finally {
      this.#socket.uncork();
    }
  }

  #hear(stream: number, event: InferenceEvent): void {
    const list = this.#heard.get(stream) ?? [];
    list.push(event);
    this.#heard.set(stream, list);
    if (event.type === 'finished' || event.type === 'failed') this.#waiting.get(stream)?.(list);
  }
}

async function start(parts: ModelParts, tensors?: TensorModelConfig) {
  const spec = specOf(parts, tensors);
  const path = join(folder, `${models}.sock`);
  const worker = await startWorker(spec, path);
  workers.push(worker);
  return { worker, caller: new Caller(path) };
}

const floats = (name: string, values: readonly number[], shape: readonly number[]): Tensor => ({
  name,
  datatype: 'FP32',
  shape,
  data: new Uint8Array(Float32Array.from(values).buffer),
});

function texts(name: string, values: readonly string[], shape: readonly number[]): Tensor {
  const data = Buffer.concat(
    values.map((value) => {
      const part = Buffer.alloc(4 + Buffer.byteLength(value));
      part.writeUInt32LE(Buffer.byteLength(value));
      part.write(value, 4);
      return part;
    }),
  );
  return { name, datatype: 'BYTES', shape, data };
}

const errorOf = (answer: Answer) => {
  const last = answer.at(-1);
  return last?.type === 'failed' ? last.error.message : undefined;
};
const tensorsOf = (answer: Answer): readonly Tensor[] => {
  assert.equal(errorOf(answer), undefined);
  return answer.flatMap((event) => (event.type === 'tensor' ? [event.tensor] : []));
};
function valuesOf(answer: Answer, output = 0): number[] {
  const data = tensorsOf(answer)[output]?.data ?? new Uint8Array();
  return [...new Float32Array(new Uint8Array(data).buffer)];
}
const executionOf = (answer: Answer) => {
  const last = answer.at(-1);
  return last?.type === 'finished' ? last.timings.execution : undefined;
};

const addition: ModelParts = {
  inputs: [port('a', 'FP32', ['n', 2]), port('b', 'FP32', ['n', 2])],
  outputs: [port('sum', 'FP32', ['n', 2]), port('difference', 'FP32', ['n', 2])],
  operations: [operation('Add', ['a', 'b'], ['sum']), operation('Sub', ['a', 'b'], ['difference'])],
};
const add = (a: readonly [number, number], b: readonly [number, number]) => ({
  inputs: [floats('a', a, [1, 2]), floats('b', b, [1, 2])],
});

const batching: DynamicBatching = {
  preferredBatchSizes: [],
  maxQueueDelayUs: 0,
  ordering: 'free',
  priorityLevels: 0,
  defaultPriorityLevel: 0,
  defaultPolicy: { timeoutAction: 'reject', defaultTimeoutUs: 0, timeoutOverride: 'ignored', maxQueueSize: 0 },
  levelPolicies: {},
};
const pair = (name: string) => ({ name, datatype: 'FP32', dims: [2] }) as const;
const additionConfig: TensorModelConfig = {
  inputs: [pair('a'), pair('b')],
  outputs: [pair('sum'), pair('difference')],
  maxBatchSize: 16,
  dynamicBatching: batching,
  parameters: {},
  warmup: [],
};

test('a bare model says what it takes and answers', async () => {
  const { worker, caller } = await start(addition);
  assert.equal(worker.facts.tensors?.config.maxBatchSize, 4);
  assert.deepEqual(worker.facts.tensors?.config.inputs, [pair('a'), pair('b')]);
  const answer = await caller.ask(add([1, 2], [10, 20]));
  assert.deepEqual(
    [valuesOf(answer), valuesOf(answer, 1)],
    [
      [11, 22],
      [-9, -18],
    ],
  );
  assert.deepEqual(
    answer.map(({ type }) => type),
    ['tensor', 'tensor', 'response-finished', 'usage-report', 'finished'],
  );
  assert.equal(await worker.probe(), true);
});

test('an answer holds the outputs that were asked for, in that order', async () => {
  const { caller } = await start(addition);
  const answer = await caller.ask({ ...add([1, 2], [3, 4]), outputs: ['difference'] });
  assert.deepEqual(
    tensorsOf(answer).map(({ name, shape }) => [name, shape]),
    [['difference', [1, 2]]],
  );
});

test('sixteen callers share one execution, and each gets its own rows', async () => {
  const { caller, worker } = await start(addition, additionConfig);
  const before = worker.progress().steps;
  const asked = caller.together(() => Array.from({ length: 16 }, (_, i) => caller.ask(add([i, i], [100, 200]))));
  const answers = await Promise.all(asked);
  assert.deepEqual(
    answers.map((answer) => valuesOf(answer)),
    answers.map((_, i) => [i + 100, i + 200]),
  );
  assert.equal(worker.progress().steps - before, 1);
  assert.deepEqual(
    answers.map((answer) => executionOf(answer)?.batchRows),
    answers.map(() => 16),
  );
  assert.equal(answers.filter((answer) => executionOf(answer)?.isLead).length, 1);
});

test('a bad request among sixteen fails in the words of Triton and spoils no other', async () => {
  const { caller } = await start(addition, additionConfig);
  const bad = { inputs: [floats('a', [1, 2, 3], [1, 3]), floats('b', [1, 2], [1, 2])] };
  const answers = await Promise.all(
    caller.together(() => Array.from({ length: 16 }, (_, i) => caller.ask(i === 7 ? bad : add([i, i], [1, 1])))),
  );
  const messages = answers.map(errorOf);
  assert.match(messages[7] ?? '', /^unexpected shape for input 'a' for model 'm'\. Expected \[-1,2\], got \[1,3\]\./);
  assert.ok(messages.every((message, i) => i === 7 || message === undefined));
});

test('a request that only the engine can tell is bad fails alone', async () => {
  const gather: ModelParts = {
    inputs: [port('index', 'INT64', ['n', 1])],
    outputs: [port('y', 'FP32', ['n', 1])],
    initializers: [weight('table', 'FP32', { dims: [3], values: [10, 20, 30] })],
    operations: [operation('Gather', ['table', 'index'], ['y'])],
  };
  const { caller } = await start(gather);
  const at = (index: bigint) => ({
    inputs: [{ name: 'index', datatype: 'INT64' as const, shape: [1, 1], data: new Uint8Array(BigInt64Array.of(index).buffer) }],
  });
  const answers = await Promise.all(caller.together(() => [0n, 99n, 2n].map((index) => caller.ask(at(index)))));
  assert.notEqual(errorOf(answers[1] ?? []), undefined);
  assert.deepEqual([valuesOf(answers[0] ?? []), valuesOf(answers[2] ?? [])], [[10], [30]]);
});

test('texts of several callers are laid together and cut apart', async () => {
  const identity: ModelParts = {
    inputs: [port('x', 'BYTES', ['n', 2])],
    outputs: [port('y', 'BYTES', ['n', 2])],
    operations: [operation('Identity', ['x'], ['y'])],
  };
  const { caller } = await start(identity);
  const words = [
    ['a', ''],
    ['Grüße', 'x'.repeat(300)],
    ['b', 'c'],
  ];
  const answers = await Promise.all(
    caller.together(() => words.map((pairOf) => caller.ask({ inputs: [texts('x', pairOf, [1, 2])] }))),
  );
  assert.deepEqual(
    answers.map((answer) => Buffer.from(tensorsOf(answer)[0]?.data ?? [])),
    words.map((pairOf) => Buffer.from(texts('y', pairOf, [1, 2]).data)),
  );
  const broken = { ...texts('x', ['abc', 'd'], [1, 2]), data: Uint8Array.of(255, 0, 0, 0, 1, 2, 3, 4) };
  assert.match(errorOf(await caller.ask({ inputs: [broken] })) ?? '', /^unexpected total byte size/);
});

test('requests are checked in the words of Triton', async () => {
  const { caller } = await start(addition, { ...additionConfig, maxBatchSize: 2 });
  const a = floats('a', [1, 2], [1, 2]);
  const messages = await Promise.all(
    [
      { inputs: [a] },
      { inputs: [a, { ...floats('b', [1, 2], [1, 2]), datatype: 'INT32' as const }] },
      { inputs: [floats('a', [1, 2, 3, 4, 5, 6], [3, 2]), floats('b', [1, 2, 3, 4, 5, 6], [3, 2])] },
      { inputs: [a, floats('c', [1, 2], [1, 2])] },
      { ...add([1, 2], [3, 4]), outputs: ['none'] },
    ].map(async (request) => errorOf(await caller.ask(request))),
  );
  assert.deepEqual(messages, [
    "expected 2 inputs but got 1 inputs for model 'm'. Got input(s) ['a'], but missing required input(s) ['b']. Please provide all required input(s).",
    "inference input 'b' data-type is 'INT32', but model 'm' expects 'FP32'",
    "inference request batch-size must be <= 2 for 'm'",
    "unexpected inference input 'c' for model 'm'",
    "unexpected inference output 'none' for model 'm'",
  ]);
});

test('an optional input may be left out, and callers that differ in it do not share a batch', async () => {
  const optional: ModelParts = {
    inputs: [port('a', 'FP32', ['n', 2]), port('b', 'FP32', [2])],
    outputs: [port('y', 'FP32', ['n', 2])],
    initializers: [weight('b', 'FP32', { dims: [2], values: [5, 6] })],
    operations: [operation('Add', ['a', 'b'], ['y'])],
  };
  const { worker, caller } = await start(optional);
  assert.equal(worker.facts.tensors?.config.maxBatchSize, 0);
  const a = floats('a', [1, 1], [1, 2]);
  const answers = await Promise.all(
    caller.together(() => [[a], [a, floats('b', [7, 8], [2])]].map((inputs) => caller.ask({ inputs }))),
  );
  assert.deepEqual(
    answers.map((answer) => valuesOf(answer)),
    [
      [6, 7],
      [8, 9],
    ],
  );
});

test('callers see their own shapes where the model wants others', async () => {
  const reshaped: TensorModelConfig = {
    ...additionConfig,
    inputs: [{ ...pair('a'), dims: [2, 1], reshape: [2] }, pair('b')],
    outputs: [{ ...pair('sum'), dims: [1, 2], reshape: [2] }],
  };
  const { caller } = await start(addition, reshaped);
  const answer = await caller.ask({ inputs: [floats('a', [1, 2], [1, 2, 1]), floats('b', [1, 1], [1, 2])] });
  assert.deepEqual(
    tensorsOf(answer).map(({ name, shape }) => [name, shape]),
    [['sum', [1, 1, 2]]],
  );
});

test('an output that has no row for each caller sends each caller alone', async () => {
  const total: ModelParts = {
    inputs: [port('x', 'FP32', ['n', 2])],
    outputs: [port('y', 'FP32', ['m', 2])],
    operations: [operation('Concat', ['x', 'x'], { outputs: ['y'], attributes: { axis: 0 } })],
  };
  const { caller } = await start(total);
  const ask = (value: number) => caller.ask({ inputs: [floats('x', [value, value], [1, 2])] });
  const answers = await Promise.all(caller.together(() => [1, 2, 3].map(ask)));
  assert.deepEqual(
    answers.map((answer) => valuesOf(answer)),
    [1, 2, 3].map((value) => [value, value, value, value]),
  );
});

test('a ragged input is laid flat, with the counts that its batch input is made of', async () => {
  const ragged: ModelParts = {
    inputs: [port('x', 'FP32', [-1]), port('counts', 'FP32', [-1])],
    outputs: [port('flat', 'FP32', [-1]), port('sizes', 'FP32', [-1, 1])],
    initializers: [weight('axes', 'INT64', { dims: [1], values: [1n] })],
    operations: [operation('Identity', ['x'], ['flat']), operation('Unsqueeze', ['counts', 'axes'], ['sizes'])],
  };
  const { caller } = await start(ragged, {
    ...additionConfig,
    inputs: [{ name: 'x', datatype: 'FP32', dims: [-1], allowsRagged: true }],
    outputs: [
      { name: 'flat', datatype: 'FP32', dims: [-1] },
      { name: 'sizes', datatype: 'FP32', dims: [1] },
    ],
    batchInputs: [{ kind: 'element-count', targetNames: ['counts'], datatype: 'FP32', sourceInput: 'x' }],
    batchOutputs: [{ targetNames: ['flat'], sourceInput: 'x' }],
  });
  const rows = [[1], [2, 3, 4], [5, 6]];
  const answers = await Promise.all(
    caller.together(() => rows.map((row) => caller.ask({ inputs: [floats('x', row, [1, row.length])] }))),
  );
  assert.deepEqual(
    answers.map((answer) => executionOf(answer)?.batchRows),
    [3, 3, 3],
  );
  assert.deepEqual(
    answers.map((answer) => valuesOf(answer)),
    rows,
  );
  assert.deepEqual(
    answers.map((answer) => tensorsOf(answer)[0]?.shape),
    [
      [1, 1],
      [1, 3],
      [1, 2],
    ],
  );
  assert.deepEqual(
    answers.map((answer) => valuesOf(answer, 1)),
    [[1], [3], [2]],
  );
});

/** sum = start ? x : state + x; the state goes round unseen. `seen` shows the other controls. */
const accumulator: ModelParts = {
  inputs: [
    port('x', 'FP32', ['n', 1]),
    port('start', 'FP32', ['n', 1]),
    port('ready', 'FP32', ['n', 1]),
    port('id', 'INT64', ['n', 1]),
    port('state', 'FP32', ['n', 1]),
  ],
  outputs: [port('sum', 'FP32', ['n', 1]), port('next', 'FP32', ['n', 1]), port('seen', 'INT64', ['n', 1])],
  initializers: [weight('one', 'FP32', { dims: [1], values: [1] })],
  operations: [
    operation('Sub', ['one', 'start'], ['goes_on']),
    operation('Mul', ['state', 'goes_on'], ['kept']),
    operation('Add', ['kept', 'x'], ['sum']),
    operation('Mul', ['sum', 'ready'], ['next']),
    operation('Identity', ['id'], ['seen']),
  ],
};
const one = (name: string) => ({ name, datatype: 'FP32', dims: [1] }) as const;
const control = (input: string, kind: 'start' | 'ready') =>
  ({ input, kind, datatype: 'FP32', falseValue: 0, trueValue: 1 }) as const;
function accumulating(strategy: SequenceBatching['strategy'], maxIdleUs = 5_000_000): TensorModelConfig {
  return {
    inputs: [one('x')],
    outputs: [one('sum'), { name: 'seen', datatype: 'INT64', dims: [1] }],
    maxBatchSize: 4,
    parameters: {},
    warmup: [],
    sequenceBatching: {
      maxIdleUs,
      strategy,
      controls: [
        control('start', 'start'),
        control('ready', 'ready'),
        { input: 'id', kind: 'corrid', datatype: 'INT64', falseValue: 0, trueValue: 0 },
      ],
      states: [{ inputName: 'state', outputName: 'next', datatype: 'FP32', dims: [1] }],
    },
  };
}
const stepOf = (id: string, value: number, flags = ''): Partial<TensorRequest> => ({
  inputs: [floats('x', [value], [1, 1])],
  sequence: { id, idType: 'number', isStart: flags.includes('s'), isEnd: flags.includes('e') },
});
const direct = { type: 'direct', maxQueueDelayUs: 0, minimumSlotUtilization: 0 } as const;
const oldest = {
  type: 'oldest',
  maxCandidateSequences: 3,
  preferredBatchSizes: [],
  maxQueueDelayUs: 0,
  ordering: 'free',
} as const;

for (const strategy of [direct, oldest]) {
  test(`sequences of the ${strategy.type} strategy keep their own sums while they share batches`, async () => {
    const { caller } = await start(accumulator, accumulating(strategy));
    const ids = ['11', '22', '33', '44', '55', '66'];
    const answers = await Promise.all(
      caller.together(() =>
        ['s', '', '', 'e'].flatMap((flags, turn) => ids.map((id) => caller.ask(stepOf(id, Number(id) * (turn + 1), flags)))),
      ),
    );
    const sums = [1, 3, 6, 10].flatMap((factor) => ids.map((id) => Number(id) * factor));
    assert.deepEqual(
      answers.map((answer) => valuesOf(answer)[0]),
      sums,
    );
    const seen = answers.map((answer) => new BigInt64Array(new Uint8Array(tensorsOf(answer)[1]?.data ?? []).buffer)[0]);
    assert.deepEqual(
      seen,
      answers.map((_, i) => BigInt(ids[i % ids.length] ?? '')),
    );
    assert.ok(answers.some((answer) => (executionOf(answer)?.batchRows ?? 0) > 1));
  });
}

test('an idle sequence is forgotten, and its next step has to be a start', async () => {
  const { caller } = await start(accumulator, accumulating(direct, 20_000));
  assert.deepEqual(valuesOf(await caller.ask(stepOf('1', 5, 's'))), [5]);
  await new Promise((resolve) => setTimeout(resolve, 40));
  assert.match(errorOf(await caller.ask(stepOf('1', 5))) ?? '', /sequence 1 to model 'm' must specify the START flag/);
  assert.deepEqual(valuesOf(await caller.ask(stepOf('1', 6, 'se'))), [6]);
});

test('a request that was cancelled gets no answer, and one past its deadline an error', async () => {
  const { caller } = await start(addition, additionConfig);
  const [gone, late, last] = caller.together(() => {
    const first = caller.begin(add([1, 1], [1, 1]));
    caller.cancel(first.stream);
    return [first, caller.begin({ ...add([1, 1], [1, 1]), timeLeftMs: 0 }), caller.begin(add([1, 1], [1, 1]))] as const;
  });
  assert.equal(errorOf(await late.answer), 'The deadline of the request has passed.');
  assert.deepEqual(valuesOf(await last.answer), [2, 2]);
  assert.equal(await Promise.race([gone.answer, Promise.resolve('silent')]), 'silent');
});

test('warm-up samples run before the model is ready, and one that does not run fails the load', async () => {
  const sample = (name: string, dims: readonly number[]) => ({ name, datatype: 'FP32', dims, data: { type: 'random' } }) as const;
  const warmup = [{ name: 'all', batchSize: 8, count: 3, inputs: [sample('a', [2]), sample('b', [2])] }];
  const { worker } = await start(addition, { ...additionConfig, warmup });
  assert.equal(await worker.probe(), true);
  const wrong = [{ name: 'odd', batchSize: 1, count: 1, inputs: [sample('a', [3]), sample('b', [2])] }];
  await assert.rejects(
    start(addition, { ...additionConfig, warmup: wrong }),
    /model_warmup 'odd' does not run: unexpected shape/,
  );
});

test('a configuration that the model cannot keep fails the load by name', async () => {
  const inputs = additionConfig.inputs;
  const cases: ReadonlyArray<readonly [change: Partial<TensorModelConfig>, problem: RegExp]> = [
    [{ inputs: [pair('a')] }, /not configured: 'b'/],
    [{ inputs: [...inputs, pair('z')] }, /unexpected inference input 'z', allowed inputs are: a, b/],
    [{ outputs: [pair('z')] }, /unexpected inference output 'z', allowed outputs are: sum, difference/],
    [{ inputs: [pair('a'), { ...pair('b'), datatype: 'INT32' }] }, /unexpected datatype INT32 for tensor 'b', expecting FP32/],
    [
      { inputs: [pair('a'), { ...pair('b'), dims: [3] }] },
      /tensor 'b': the model expects shape \[-1,2\] .* specifies shape \[-1,3\]/,
    ],
    [{ inputs: [pair('a'), { ...pair('b'), reshape: [3] }] }, /has different size for dims \[2\] and reshape \[3\]/],
    [{ inputs: [pair('a'), { ...pair('b'), isOptional: true }] }, /input 'b' is optional/],
    [{ isDecoupled: true }, /decoupled/],
    [{ dynamicBatching: { ...batching, preferredBatchSizes: [32] } }, /preferred_batch_size 32/],
  ];
  for (const [change, problem] of cases) await assert.rejects(start(addition, { ...additionConfig, ...change }), problem);
});
