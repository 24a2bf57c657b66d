import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFile, rm, symlink, writeFile } from 'node:fs/promises';
import test, { type TestContext } from 'node:test';
import { PlinthError } from '../../../core/errors/index.ts';
import type { TensorRequest } from '../../../core/inference/index.ts';
import type { LoadOverride, ModelRepository } from '../../../core/messages/index.ts';
import { play, scriptedModel } from '../scripted-application.ts';
import {
  quietLogger,
  scriptedTensors,
  simpleModel,
  tensorEvents,
  tensorModel,
  type ScriptedTensorsOptions,
} from './scripted-tensors.ts';

interface Asked {
  readonly app: ReturnType<typeof scriptedTensors>;
  get(path: string): Promise<Response>;
  post(path: string, body?: unknown): Promise<Response>;
}

async function open(context: TestContext, options: ScriptedTensorsOptions = {}): Promise<Asked> {
  const app = scriptedTensors(options);
  const port = await app.listen();
  context.after(() => app.close());
  const url = `http://127.0.0.1:${port}`;
  return {
    app,
    get: (path) => fetch(url + path),
    post: (path, body) => fetch(url + path, { method: 'POST', ...(body === undefined ? {} : { body: JSON.stringify(body) }) }),
  };
}

class RecordingRepository implements ModelRepository {
  readonly loads: Array<readonly [string, LoadOverride | undefined]> = [];
  readonly unloads: Array<readonly [string, string]> = [];

  index() {
    return [{ name: 'simple', version: '1', state: 'READY', reason: '' } as const, { name: 'never' }];
  }

  load(model: string, override?: LoadOverride): Promise<void> {
    this.loads.push([model, override]);
    if (model === 'broken') throw new PlinthError({ code: 'invalid_model_file', message: "failed to load 'broken', no good" });
    return Promise.resolve();
  }

  unload(model: string, dependents: 'keep' | 'unload'): Promise<void> {
    this.unloads.push([model, dependents]);
    return Promise.resolve();
  }
}

test('the platform says who it is and what it can do', async (context) => {
  const { get } = await open(context);
  const metadata = (await (await get('/v2')).json()) as { name: string; version: string; extensions: string[] };
  assert.equal(metadata.name, 'triton');
  assert.equal(metadata.version, '1.2.3');
  assert.deepEqual(metadata.extensions.slice(0, 4), [
    'classification',
    'sequence',
    'model_repository',
    'model_repository(unload_dependents)',
  ]);
  const body = async (path: string): Promise<unknown> => (await get(path)).json();
  assert.deepEqual(await body('/v2/health/live'), { live: true });
  assert.deepEqual(await body('/v2/health/ready'), { ready: true });
  assert.deepEqual(await body('/v2/models/simple/ready'), { name: 'simple', ready: true });
  assert.deepEqual(await body('/v2/models/simple/versions/1/ready'), { name: 'simple', ready: true });
});

test('metadata lists tensors with the batch dimension, of a language model with the names that clients know', async (context) => {
  const { get } = await open(context, {
    models: [simpleModel(), { ...simpleModel(), version: '3', replicas: [] }, scriptedModel('tiny')],
  });
  assert.deepEqual(await (await get('/v2/models/simple')).json(), {
    name: 'simple',
    versions: ['1'],
    platform: 'onnxruntime_onnx',
    inputs: ['INPUT0', 'INPUT1'].map((name) => ({ name, datatype: 'INT32', shape: [-1, 16] })),
    outputs: ['OUTPUT0', 'OUTPUT1'].map((name) => ({ name, datatype: 'INT32', shape: [-1, 16] })),
  });
  const tiny = (await (await get('/v2/models/tiny')).json()) as { inputs: Array<{ name: string; shape: number[] }> };
  assert.deepEqual(tiny.inputs[0], { name: 'text_input', datatype: 'BYTES', shape: [1] });
  const config = (await (await get('/v2/models/tiny/config')).json()) as Record<string, unknown>;
  assert.deepEqual(config['model_transaction_policy'], { decoupled: true });
});

const probes: ReadonlyArray<readonly [path: string, status: number, error: string]> = [
  ['/v2/models/nope/ready', 400, 'Model version not ready'],
  ['/v2/models/nope', 404, "Request for unknown model: 'nope' is not found"],
  ['/v2/models/simple/versions/2', 404, "Request for unknown model: 'simple' version 2 is not found"],
  ['/v2/models/simple/versions/0', 400, "invalid model version specified '0' , version should be an integral value > 0"],
  ['/v2/models/down/ready', 400, 'Model version not ready'],
  ['/v2/models/down', 503, "Request for unknown model: 'down' version 1 is not at ready state"],
  ['/v2/models/nope/stats', 400, "requested model 'nope' is not available"],
];

test('models that are not there or not ready are told apart by status and text', async (context) => {
  const { facts: _, ...down } = tensorModel('down', {});
  const { get } = await open(context, { models: [simpleModel(), { ...down, replicas: [] }] });
  for (const [path, status, error] of probes) {
    const response = await get(path);
    assert.deepEqual([response.status, await response.json()], [status, { error }], path);
  }
});

test('statistics are listed with zeros before the first request', async (context) => {
  const { get } = await open(context);
  const { model_stats: stats } = (await (await get('/v2/models/simple/versions/1/stats')).json()) as {
    model_stats: Array<Record<string, unknown>>;
  };
  assert.equal(stats.length, 1);
  assert.deepEqual(stats[0]?.['batch_stats'], []);
  assert.deepEqual((stats[0]?.['inference_stats'] as Record<string, unknown> | undefined)?.['cache_miss'], { count: 0, ns: 0 });
  assert.equal((await get('/v2/models/stats')).status, 200);
});

test('the repository is listed, loaded and unloaded with an admin key', async (context) => {
  const repository = new RecordingRepository();
  const { post } = await open(context, { role: 'admin', repository });
  assert.deepEqual(await (await post('/v2/repository/index')).json(), [
    { name: 'simple', version: '1', state: 'READY' },
    { name: 'never' },
  ]);
  assert.deepEqual(await (await post('/v2/repository/index', { ready: true })).json(), [
    { name: 'simple', version: '1', state: 'READY' },
  ]);
  const loaded = await post('/v2/repository/models/simple/load', {
    parameters: { config: '{"max_batch_size":4}', 'file:1/model.onnx': Buffer.from('abc').toString('base64') },
  });
  assert.deepEqual([loaded.status, await loaded.text()], [200, '']);
  const [name, override] = repository.loads[0] ?? [];
  assert.equal(name, 'simple');
  assert.deepEqual(override?.config, { max_batch_size: 4 });
  assert.equal(Buffer.from(override?.files?.get('1/model.onnx') ?? []).toString(), 'abc');
  await post('/v2/repository/models/simple/unload', { parameters: { unload_dependents: true } });
  await post('/v2/repository/models/simple/unload', {});
  assert.deepEqual(repository.unloads, [
    ['simple', 'unload'],
    ['simple', 'keep'],
  ]);
});

const badLoads: ReadonlyArray<readonly [parameters: unknown, text: RegExp]> = [
  [{ config: 7 }, /non-string as string/],
  [{ config: '[' }, /'config' is not valid JSON/],
  [{ nope: 'x' }, /unrecognized parameter 'nope'/],
  [{ 'file:1/model.onnx': 'YWJj' }, /need a 'config' parameter/],
  [{ config: '{}', 'file:../x': 'YWJj' }, /no path inside the model's folder/],
  [{ config: '{}', 'file:1/model.onnx': '%%' }, /not base64/],
  [{ config: '{}', 'file:1/model.onnx': `${' '.repeat(500_000)}!` }, /not base64/],
];

test('loads that make no sense are refused before the repository hears of them', async (context) => {
  const repository = new RecordingRepository();
  const { post } = await open(context, { role: 'admin', repository });
  for (const [parameters, text] of badLoads) {
    const response = await post('/v2/repository/models/simple/load', { parameters });
    assert.equal(response.status, 400);
    assert.match(await response.text(), text);
  }
  assert.equal(repository.loads.length, 0);
  const broken = await post('/v2/repository/models/broken/load', {});
  assert.deepEqual([broken.status, await broken.json()], [400, { error: "failed to load 'broken', no good" }]);
  assert.equal((await post('/v2/repository/other/models/simple/load')).status, 501);
});

test('an inference key changes nothing that other callers meet', async (context) => {
  const { post, get } = await open(context, { repository: new RecordingRepository() });
  for (const path of [
    '/v2/repository/index',
    '/v2/repository/models/simple/load',
    '/v2/repository/models/simple/unload',
    '/v2/logging',
    '/v2/trace/setting',
  ])
    assert.equal((await post(path, {})).status, 403, path);
  assert.equal((await get('/v2/logging')).status, 200);
});

test('log settings change how much is logged for real', async (context) => {
  const { get, post } = await open(context, { role: 'admin' });
  const expected = {
    log_file: '',
    log_info: true,
    log_warning: true,
    log_error: true,
    log_verbose_level: 0,
    log_format: 'default',
  };
  assert.deepEqual(await (await get('/v2/logging')).json(), expected);
  const changed = await post('/v2/logging', { log_info: false, log_verbose_level: null, log_format: 'ISO8601' });
  assert.deepEqual(await changed.json(), { ...expected, log_info: false, log_format: 'ISO8601' });
  assert.equal(quietLogger.level, 'warn');
  await post('/v2/logging', { log_verbose_level: 1 });
  assert.equal(quietLogger.level, 'debug');
  for (const [change, status] of [
    [{ log_file: 'x' }, 501],
    [{ log_info: 1 }, 400],
    [{ log_verbose_level: -1 }, 400],
    [{ log_format: 'x' }, 503],
  ] as const)
    assert.equal((await post('/v2/logging', change)).status, status);
  await post('/v2/logging', { log_info: true, log_verbose_level: 0 });
});

test('trace settings are kept by model; the level stays off', async (context) => {
  const { get, post } = await open(context, { role: 'admin' });
  const start = {
    trace_level: ['OFF'],
    trace_rate: '1000',
    trace_count: '-1',
    log_frequency: '0',
    trace_file: '',
    trace_mode: 'triton',
  };
  assert.deepEqual(await (await get('/v2/trace/setting')).json(), start);
  assert.deepEqual(await (await post('/v2/models/simple/trace/setting', { trace_rate: '5', trace_level: ['OFF'] })).json(), {
    ...start,
    trace_rate: '5',
  });
  assert.deepEqual(await (await get('/v2/trace/setting')).json(), start);
  assert.deepEqual(await (await post('/v2/models/simple/trace/setting', { trace_rate: null })).json(), start);
  const refused = await post('/v2/trace/setting', { trace_level: ['TIMESTAMPS'] });
  assert.deepEqual(
    [refused.status, await refused.json()],
    [501, { error: "trace level 'TIMESTAMPS' is not supported, only 'OFF' is" }],
  );
  assert.equal((await post('/v2/trace/setting', { trace_rate: 'x' })).status, 400);
  assert.equal((await post('/v2/trace/setting', { trace_file: 'x' })).status, 501);
  assert.equal((await get('/v2/models/simple/versions/1/trace/setting')).status, 404);
});

test('tensors pass through shared memory when it is allowed', async (context) => {
  const model = tensorModel('m', {
    inputs: [{ name: 'I', datatype: 'UINT8', dims: [4] }],
    outputs: [{ name: 'O', datatype: 'UINT8', dims: [4] }],
    maxBatchSize: 0,
  });
  const { app, get, post } = await open(context, { models: [model], sharedMemory: 'on' });
  const key = `/plinth-test-${randomUUID()}`;
  const path = `/dev/shm${key}`;
  context.after(() => rm(path, { force: true }));
  await writeFile(path, Uint8Array.from([9, 9, 1, 2, 3, 4, 0, 0, 0, 0]));
  app.script = (request) => play(tensorEvents(...(request as TensorRequest).inputs.map((tensor) => ({ ...tensor, name: 'O' }))));
  const registered = await post('/v2/systemsharedmemory/region/data/register', { key, offset: 2, byte_size: 8 });
  assert.deepEqual([registered.status, await registered.text()], [200, '']);
  assert.deepEqual(await (await get('/v2/systemsharedmemory/status')).json(), [{ name: 'data', key, offset: 2, byte_size: 8 }]);
  const place = (offset: number, byteSize: number) => ({
    shared_memory_region: 'data',
    shared_memory_offset: offset,
    shared_memory_byte_size: byteSize,
  });
  const ask = (output: object) =>
    post('/v2/models/m/infer', {
      inputs: [{ name: 'I', datatype: 'UINT8', shape: [4], parameters: place(0, 4) }],
      outputs: [{ name: 'O', parameters: output }],
    });
  const { outputs } = (await (await ask(place(4, 4))).json()) as { outputs: unknown[] };
  assert.deepEqual(outputs, [{ name: 'O', datatype: 'UINT8', shape: [4], parameters: place(4, 4) }]);
  assert.deepEqual([...(await readFile(path))], [9, 9, 1, 2, 3, 4, 1, 2, 3, 4]);
  for (const [output, text] of [
    [place(4, 5), /Invalid offset \+ byte size/],
    [place(9, 1), /Invalid offset for/],
    [place(4, 3), /should be at least 4 bytes/],
  ] as const) {
    const refused = await ask(output);
    assert.equal(refused.status, 400);
    assert.match(await refused.text(), text);
  }
  assert.equal((await post('/v2/systemsharedmemory/region/data/register', { key, byte_size: 1 })).status, 400);
  assert.equal((await post('/v2/systemsharedmemory/unregister')).status, 200);
  assert.match(await (await get('/v2/systemsharedmemory/region/data/status')).text(), /Unable to find/);
});

test('shared memory is nothing but files of its own folder, of the size that is claimed', async (context) => {
  const { post } = await open(context, { sharedMemory: 'on' });
  const link = `plinth-test-${randomUUID()}`;
  context.after(() => rm(`/dev/shm/${link}`, { force: true }));
  await symlink('/etc/passwd', `/dev/shm/${link}`);
  for (const key of [`/${link}`, '/../etc/passwd', '..', '/', '', '/no-such-memory', '/sem.x', 'a/b', '\0'])
    assert.equal((await post('/v2/systemsharedmemory/region/x/register', { key, byte_size: 1 })).status, 400, key);
});

test('shared memory is off until it is allowed, that of graphics cards always', async (context) => {
  const { get, post } = await open(context);
  const error = "Client shared memory is disabled. Start the server with '--allow-client-shm=true' to enable.";
  const refused = await post('/v2/systemsharedmemory/region/x/register', { key: '/x', byte_size: 1 });
  assert.deepEqual([refused.status, await refused.json()], [501, { error }]);
  assert.equal((await get('/v2/systemsharedmemory/status')).status, 501);
  assert.equal((await post('/v2/cudasharedmemory/region/x/register', {})).status, 501);
});
