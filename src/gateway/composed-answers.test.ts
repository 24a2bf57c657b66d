import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { InferenceEvent, Tensor, TensorRequest } from '../core/inference/index.ts';
import type { RoutedModel } from '../core/messages/index.ts';
import type { EnsembleStep, TensorModelConfig } from '../core/models/index.ts';
import { createLogger, createMetrics } from '../core/telemetry/index.ts';
import { FakeSnapshots, routedModel, routedReplica } from './fake-snapshots.ts';
import { startFakeWorker, TIMINGS, type FakeScript, type FakeStream, type FakeWorker } from './fake-worker.ts';
import { StatisticsBook } from './observing/index.ts';
import { createPipeline, type Pipeline } from './pipeline.ts';
import type { StageCall } from './stage.ts';

function numbers(name: string, ...values: readonly number[]): Tensor {
  return { name, datatype: 'INT32', shape: [values.length], data: new Uint8Array(Int32Array.from(values).buffer) };
}

function valuesOf({ data }: Tensor): readonly number[] {
  return [...new Int32Array(new Uint8Array(data).buffer)];
}

const port = (name: string) => ({ name, datatype: 'INT32' as const, dims: [-1] });

interface ModelParts {
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly worker?: FakeWorker;
  readonly config?: Partial<TensorModelConfig>;
}

function tensorModel({ name, inputs, outputs, worker, config }: ModelParts): RoutedModel {
  return routedModel({
    name,
    replicas: worker === undefined ? [] : [routedReplica({ id: `r-${name}`, socketPath: worker.socketPath, slots: 8 })],
    facts: {
      architecture: 'test',
      parameterCount: 0,
      quantization: '',
      fileBytes: 0,
      engine: 'test',
      contextTokens: 0,
      embeddingDimensions: 0,
      slots: 8,
      capabilities: ['tensors'],
      tensors: {
        config: { inputs: inputs.map(port), outputs: outputs.map(port), maxBatchSize: 0, parameters: {}, warmup: [], ...config },
        platform: 'test',
        configJson: {},
      },
    },
  });
}

/** Answers the one output with the sum of all inputs, value by value, plus one. */
function answerSum({ request, send }: FakeStream, output: string): void {
  assert.equal(request.kind, 'tensors');
  const rows = request.inputs.map(valuesOf);
  const sums = (rows[0] ?? []).map((_, i) => rows.reduce((sum, row) => sum + (row[i] ?? 0), 1));
  send({ type: 'tensor', response: 0, tensor: numbers(output, ...sums) });
  send({ type: 'response-finished', response: 0 });
  send({ type: 'finished', timings: TIMINGS });
}

async function openWorker(context: TestContext, script: FakeScript): Promise<FakeWorker> {
  const worker = await startFakeWorker(script);
  context.after(() => worker.close());
  return worker;
}

function openPipeline(context: TestContext, models: readonly RoutedModel[], cacheBytes = 1_000_000) {
  const logger = createLogger({ level: 'silent' });
  const snapshots = new FakeSnapshots(models);
  const statistics = new StatisticsBook();
  const pipeline = createPipeline({ snapshots, metrics: createMetrics(), statistics, logger, cacheBytes });
  context.after(() => pipeline.close());
  return { pipeline, snapshots, statistics };
}

function callFor(fields: Partial<StageCall> = {}): StageCall {
  return {
    requestId: 'req',
    principal: { keyId: 'k', role: 'inference' },
    signal: new AbortController().signal,
    deadlineMs: performance.now() + 10_000,
    record: { startedMs: performance.now(), deltas: 0 },
    ...fields,
  };
}

function tensorRequest(model: string, inputs: readonly Tensor[], fields: Partial<TensorRequest> = {}): TensorRequest {
  return { kind: 'tensors', id: 'req', model, inputs, parameters: {}, timeLeftMs: 10_000, ...fields };
}

async function gather(
  pipeline: Pipeline,
  request: TensorRequest,
  call: StageCall = callFor(),
): Promise<readonly InferenceEvent[]> {
  const events: InferenceEvent[] = [];
  for await (const event of pipeline.infer(request, call)) events.push(event);
  return events;
}

function outputsOf(events: readonly InferenceEvent[]): object {
  return Object.fromEntries(
    events.flatMap((event) => (event.type === 'tensor' ? [[event.tensor.name, valuesOf(event.tensor)]] : [])),
  );
}

function errorOf(events: readonly InferenceEvent[]): string {
  const last = events.at(-1);
  assert.equal(events.filter(({ type }) => type === 'failed' || type === 'finished').length, 1);
  return last?.type === 'failed' ? `${last.error.code}: ${last.error.message}` : 'no failure';
}

const steps: readonly EnsembleStep[] = [
  { model: 'last', inputMap: { a: 'left', b: 'right' }, outputMap: { y: 'sum' } },
  { model: 'first', inputMap: { x: 'in' }, outputMap: { y: 'left' } },
  { model: 'first', inputMap: { x: 'other' }, outputMap: { y: 'right' } },
];

const ensemble = (name: string, ensembleSteps: readonly EnsembleStep[], outputs = ['sum', 'left']): RoutedModel =>
  tensorModel({ name, inputs: ['in', 'other'], outputs, config: { ensembleSteps } });

const inputs = [numbers('in', 1, 2), numbers('other', 10, 20)];

test('an ensemble answers with what its steps make of each other', async (context) => {
  const worker = await openWorker(context, (stream) => answerSum(stream, 'y'));
  const { pipeline, statistics } = openPipeline(context, [
    ensemble('e', steps),
    tensorModel({ name: 'first', inputs: ['x'], outputs: ['y'], worker }),
    tensorModel({ name: 'last', inputs: ['a', 'b'], outputs: ['y'], worker }),
  ]);
  const call = callFor();
  const events = await gather(pipeline, tensorRequest('e', inputs, { priority: 2, parameters: { p: 1 } }), call);
  assert.deepEqual(outputsOf(events), { sum: [14, 25], left: [2, 3] });
  assert.deepEqual(
    events.map(({ type }) => type),
    ['tensor', 'tensor', 'response-finished', 'finished'],
  );
  assert.equal(call.record.deltas, 1);
  const requests = worker.received.flatMap((message) => (message.type === 'infer' ? [message.request] : []));
  assert.deepEqual(
    requests.map((request) =>
      request.kind === 'tensors' ? [request.model, request.outputs, request.priority, request.parameters] : [],
    ),
    [
      ['first', ['y'], 2, { p: 1 }],
      ['first', ['y'], 2, { p: 1 }],
      ['last', ['y'], 2, { p: 1 }],
    ],
  );
  assert.deepEqual(
    ['e', 'first', 'last'].map((name) => statistics.find(name, '1')?.executionCount),
    [1, 2, 1],
  );
});

test('steps that do not need each other run at once', async (context) => {
  const held: FakeStream[] = [];
  const worker = await openWorker(context, (stream) => {
    held.push(stream);
    if (held.length === 2) for (const one of held) answerSum(one, 'y');
    if (held.length > 2) answerSum(stream, 'y');
  });
  const { pipeline } = openPipeline(context, [
    ensemble('e', steps),
    tensorModel({ name: 'first', inputs: ['x'], outputs: ['y'], worker }),
    tensorModel({ name: 'last', inputs: ['a', 'b'], outputs: ['y'], worker }),
  ]);
  assert.deepEqual(outputsOf(await gather(pipeline, tensorRequest('e', inputs))), { sum: [14, 25], left: [2, 3] });
});

test('only the steps that the wanted outputs need are run', async (context) => {
  const worker = await openWorker(context, (stream) => answerSum(stream, 'y'));
  const { pipeline } = openPipeline(context, [
    ensemble('e', steps),
    tensorModel({ name: 'first', inputs: ['x'], outputs: ['y'], worker }),
    tensorModel({ name: 'last', inputs: ['a', 'b'], outputs: ['y'], worker }),
  ]);
  const events = await gather(pipeline, tensorRequest('e', inputs, { outputs: ['left'] }));
  assert.deepEqual(outputsOf(events), { left: [2, 3] });
  assert.equal(worker.received.filter(({ type }) => type === 'infer').length, 1);
  assert.match(
    errorOf(await gather(pipeline, tensorRequest('e', inputs, { outputs: ['right'] }))),
    /unexpected inference output 'right'/,
  );
});

test('a step that fails fails the request by name, and the others are cancelled', async (context) => {
  const worker = await openWorker(context, ({ request, send }) => {
    if (request.kind === 'tensors' && valuesOf(request.inputs[0] ?? numbers('x'))[0] === 1)
      send({ type: 'failed', error: { code: 'invalid_request', message: 'a bad shape' } });
  });
  const { pipeline } = openPipeline(context, [
    ensemble('e', steps),
    tensorModel({ name: 'first', inputs: ['x'], outputs: ['y'], worker }),
  ]);
  const events = await gather(pipeline, tensorRequest('e', inputs));
  assert.equal(errorOf(events), "invalid_request: in ensemble 'e', step 'first': a bad shape");
  await worker.waitFor(({ type }) => type === 'cancel');
});

test('a caller that goes away takes the work of all steps along', async (context) => {
  const worker = await openWorker(context, () => undefined);
  const { pipeline } = openPipeline(context, [
    ensemble('e', steps),
    tensorModel({ name: 'first', inputs: ['x'], outputs: ['y'], worker }),
  ]);
  const events = pipeline.infer(tensorRequest('e', inputs), callFor())[Symbol.asyncIterator]();
  const first = events.next();
  await worker.waitFor(({ type }) => type === 'infer');
  await events.return?.();
  await worker.waitFor(({ type }) => type === 'cancel');
  assert.equal((await first).done, true);
});

test('ensembles can be steps, but not of themselves', async (context) => {
  const worker = await openWorker(context, (stream) => answerSum(stream, 'y'));
  const inner: EnsembleStep = { model: 'e', inputMap: { in: 'in', other: 'other' }, outputMap: { sum: 'sum' } };
  const { pipeline } = openPipeline(context, [
    ensemble('outer', [inner], ['sum']),
    ensemble('e', steps),
    ensemble('round', [{ ...inner, model: 'round' }], ['sum']),
    tensorModel({ name: 'first', inputs: ['x'], outputs: ['y'], worker }),
    tensorModel({ name: 'last', inputs: ['a', 'b'], outputs: ['y'], worker }),
  ]);
  assert.deepEqual(outputsOf(await gather(pipeline, tensorRequest('outer', inputs))), { sum: [14, 25] });
  assert.match(errorOf(await gather(pipeline, tensorRequest('round', inputs))), /step 'round': circular dependency/);
});

test('an ensemble whose steps are not ready says so', async (context) => {
  const { pipeline } = openPipeline(context, [
    { ...ensemble('e', steps), failure: "ensemble 'e' depends on 'first'", isHeld: true },
  ]);
  assert.match(errorOf(await gather(pipeline, tensorRequest('e', inputs))), /^model_not_ready: .*depends on 'first'/);
});

const cached = (worker: FakeWorker, config: Partial<TensorModelConfig> = { cachesResponses: true }): RoutedModel =>
  tensorModel({ name: 'c', inputs: ['x'], outputs: ['y'], worker, config });

const runsOf = (worker: FakeWorker): number => worker.received.filter(({ type }) => type === 'infer').length;

test('an equal request is answered out of the cache, and says so', async (context) => {
  const worker = await openWorker(context, (stream) => answerSum(stream, 'y'));
  const { pipeline, snapshots } = openPipeline(context, [cached(worker)]);
  const [miss, hit] = [callFor(), callFor()];
  const first = await gather(pipeline, tensorRequest('c', [numbers('x', 5)]), miss);
  const second = await gather(pipeline, tensorRequest('c', [numbers('x', 5)], { id: 'other' }), hit);
  assert.deepEqual([outputsOf(first), outputsOf(second)], [{ y: [6] }, { y: [6] }]);
  assert.deepEqual([miss.record.cache, hit.record.cache, runsOf(worker)], ['miss', 'hit', 1]);
  for (const fields of [{ outputs: ['y'] }, { parameters: { seed: 1 } }])
    await gather(pipeline, tensorRequest('c', [numbers('x', 5)], fields));
  await gather(pipeline, tensorRequest('c', [{ ...numbers('x', 5), shape: [1, 1] }]));
  assert.equal(runsOf(worker), 4, 'outputs, parameters and shapes tell requests apart');
  snapshots.set([cached(worker)]);
  await gather(pipeline, tensorRequest('c', [numbers('x', 5)]));
  assert.equal(runsOf(worker), 5, 'another load of the model has answers of its own');
});

test('equal requests at once are run once, also when the first caller leaves', async (context) => {
  const held: FakeStream[] = [];
  const worker = await openWorker(context, (stream) => held.push(stream));
  const { pipeline } = openPipeline(context, [cached(worker)]);
  const leaving = new AbortController();
  const ask = (call?: StageCall) => gather(pipeline, tensorRequest('c', [numbers('x', 5)]), call);
  const first = ask(callFor({ signal: leaving.signal }));
  await worker.waitFor(({ type }) => type === 'infer');
  const others = [ask(), ask()];
  leaving.abort();
  assert.match(errorOf(await first), /^cancelled/);
  await worker.waitFor(() => held.length === 2);
  for (const stream of held.slice(1)) answerSum(stream, 'y');
  assert.deepEqual((await Promise.all(others)).map(outputsOf), [{ y: [6] }, { y: [6] }]);
  assert.equal(runsOf(worker), 2);
});

test('a request that waits for an equal one keeps its own deadline', async (context) => {
  const worker = await openWorker(context, () => undefined);
  const { pipeline } = openPipeline(context, [cached(worker)]);
  const leaving = new AbortController();
  const ask = (call: StageCall) => gather(pipeline, tensorRequest('c', [numbers('x', 5)]), call);
  const first = ask(callFor({ signal: leaving.signal }));
  await worker.waitFor(({ type }) => type === 'infer');
  const second = await ask(callFor({ deadlineMs: performance.now() + 30 }));
  assert.match(errorOf(second), /^deadline_exceeded/);
  assert.equal(runsOf(worker), 1);
  leaving.abort();
  await first;
});

test('failures are not kept', async (context) => {
  let failures = 1;
  const worker = await openWorker(context, (stream) => {
    if (failures-- > 0) stream.send({ type: 'failed', error: { code: 'engine_failed', message: 'no' } });
    else answerSum(stream, 'y');
  });
  const { pipeline } = openPipeline(context, [cached(worker)]);
  assert.match(errorOf(await gather(pipeline, tensorRequest('c', [numbers('x', 5)]))), /^engine_failed/);
  assert.deepEqual(outputsOf(await gather(pipeline, tensorRequest('c', [numbers('x', 5)]))), { y: [6] });
});

const uncached: ReadonlyArray<
  readonly [title: string, config: Partial<TensorModelConfig>, fields: Partial<TensorRequest>, bytes: number]
> = [
  ['a model that does not ask for it', {}, {}, 1_000_000],
  ['a decoupled model', { cachesResponses: true, isDecoupled: true }, {}, 1_000_000],
  [
    'a request of a sequence',
    { cachesResponses: true },
    { sequence: { id: '1', idType: 'number', isStart: true, isEnd: true } },
    1_000_000,
  ],
  ['a cache without memory', { cachesResponses: true }, {}, 0],
  ['an answer larger than the cache', { cachesResponses: true }, {}, 600],
];

for (const [title, config, fields, bytes] of uncached) {
  test(`${title} is answered anew`, async (context) => {
    const worker = await openWorker(context, (stream) => answerSum(stream, 'y'));
    const { pipeline } = openPipeline(context, [cached(worker, config)], bytes);
    for (let i = 0; i < 2; i++) await gather(pipeline, tensorRequest('c', [numbers('x', 5)], fields));
    assert.equal(runsOf(worker), 2);
  });
}
