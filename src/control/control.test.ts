import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { configSchema } from '../core/config/index.ts';
import { PlinthError, type ErrorFacts } from '../core/errors/index.ts';
import type { RoutingSnapshot } from '../core/messages/index.ts';
import { createLogger, createMetrics } from '../core/telemetry/index.ts';
import type { ControlEvent } from './hosting/index.ts';
import { startControl, type Control } from './control.ts';
import type { ModelStore } from './registry/index.ts';
import { openControlGround, type ControlGround } from '../../tests/support/control-ground.ts';

const silent = createLogger({ level: 'silent' });
const SCRIPTED = fileURLToPath(new URL('../../tests/replicas/scripted-replica.ts', import.meta.url));
const TOKEN = 'token-of-this-boot';

const echo = (name: string) => ({ name, engine: 'echo' });
const keyring = {
  verify: (key: string) =>
    key === 'admin-key'
      ? ({ keyId: 'a', role: 'admin' } as const)
      : key === 'plain-key'
        ? ({ keyId: 'p', role: 'inference' } as const)
        : undefined,
};

let home: string;
let ground: ControlGround | undefined;
let control: Control;
let events: ControlEvent[];
let drainRequests: number;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'control-'));
  events = [];
  drainRequests = 0;
});

afterEach(async () => {
  await control.stop();
  await ground?.close();
  rmSync(home, { recursive: true, force: true });
});

/** A store that has no file and says why. */
function emptyStore(error: ErrorFacts): ModelStore {
  return {
    async obtain(reference, options) {
      options?.onProgress?.({ phase: 'connecting', source: reference, receivedBytes: 0 });
      options?.onSourceFailed?.(reference, 'no route');
      throw new PlinthError(error);
    },
    list: async () => [],
    find: async () => undefined,
    remove: async () => false,
  };
}

async function start(
  input: object,
  error: ErrorFacts = { code: 'model_not_found', message: 'No such model.' },
): Promise<Control> {
  ground = await openControlGround(home);
  control = await startControl({
    ...ground.parts,
    config: configSchema.parse({ home, managementPort: 0, ...input }),
    store: emptyStore(error),
    keyring,
    metrics: createMetrics(),
    logger: silent,
    localToken: TOKEN,
    onDrainRequested: () => (drainRequests += 1),
    observer: (event) => events.push(event),
    workerPath: SCRIPTED,
  });
  return control;
}

function call(path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`${control.managementUrl}${path}`, { headers: { authorization: `Bearer ${TOKEN}` }, ...init });
}

function callWithHeaders(path: string, headers: Record<string, string>): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request(`${control.managementUrl}${path}`, { headers }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on('error', reject)
      .end();
  });
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await sleep(10);
}

test('a configured model is in the snapshot from the start and becomes ready with its facts', async () => {
  await start({ models: [echo('healthy')] });
  assert.deepEqual(control.modelNames, ['healthy']);
  assert.equal(control.current().models[0]?.name, 'healthy');
  assert.equal((await call('/readyz')).status, 503);
  const facts = await control.whenReady('healthy');
  assert.equal(facts.engine, 'scripted 1');
  const [model] = control.current().models;
  assert.deepEqual([model?.replicas[0]?.state, model?.facts?.slots, model?.failure], ['ready', 3, undefined]);
  await control.whenSettled();
  assert.equal((await call('/readyz')).status, 200);
  assert.deepEqual(
    events.map((event) => event.type),
    ['replica-loading', 'replica-ready'],
  );
});

test('a model that cannot be obtained says so and leaves the others alone', async () => {
  await start({ models: ['nowhere', echo('healthy')] });
  await assert.rejects(control.whenReady('nowhere'), (error) => error instanceof PlinthError && error.code === 'model_not_found');
  await control.whenReady('healthy');
  await control.whenSettled();
  const [failed, healthy] = control.current().models;
  assert.deepEqual([failed?.failure, failed?.replicas.length, failed?.isHeld], ['No such model.', 0, true]);
  assert.equal(healthy?.isHeld, undefined);
  assert.equal(healthy?.replicas[0]?.state, 'ready');
  assert.equal((await call('/readyz')).status, 200);
  const told = events.filter((event) => event.model === 'nowhere').map((event) => event.type);
  assert.deepEqual(told, ['pull-progressed', 'source-failed', 'model-failed']);
  assert.ok(events.every((event) => event.type !== 'model-failed' || event.retryInMs === undefined));
});

test('a model whose sources are down is asked for again later, and stopping does not wait for that', async () => {
  await start({ models: ['far'] }, { code: 'model_unavailable', message: 'No source answers.' });
  await assert.rejects(control.whenReady('far'), /No source answers/);
  const failure = events.find((event) => event.type === 'model-failed');
  assert.ok((failure?.retryInMs ?? 0) >= 4_000);
  await control.stop();
});

test('a model that never loads rejects its waiters after some tries and keeps trying', async () => {
  await start({ models: [echo('dies-loading')] });
  await assert.rejects(
    control.whenReady('dies-loading'),
    (error) => error instanceof PlinthError && error.code === 'engine_failed',
  );
  const failures = events.filter((event) => event.type === 'model-failed');
  assert.equal(failures.length, 3);
  assert.ok(failures.every((event) => (event.retryInMs ?? 0) > 0));
  assert.match(control.current().models[0]?.failure ?? '', /exited with code 3/);
});

test('a replica that dies is out of the snapshot before anything else happens to it', async () => {
  await start({ models: [echo('aborts')] });
  const seen: RoutingSnapshot[] = [];
  control.subscribe((snapshot) => seen.push(snapshot));
  await until(() => events.some((event) => event.type === 'replica-lost'));
  const lost = events.findIndex((event) => event.type === 'replica-lost');
  assert.ok(lost > 0);
  const states = seen.map((snapshot) => snapshot.models[0]?.replicas[0]?.state);
  assert.match(states.slice(states.indexOf('ready')).join(), /^ready(,ready)*,failed/);
  const [model] = control.current().models;
  assert.match(model?.failure ?? '', /is being replaced/);
  assert.equal(model?.isHeld, undefined, 'its successor is due in a moment and worth waiting for');
});

test('draining shows in the snapshot and at /readyz while the replicas live on', async () => {
  await start({ models: [echo('healthy')] });
  await control.whenReady('healthy');
  control.beginDrain();
  assert.equal(control.current().models[0]?.replicas[0]?.state, 'draining');
  assert.equal((await call('/readyz')).status, 503);
  assert.equal((await call('/livez')).status, 200);
  assert.equal(control.replicas()[0]?.state, 'ready');
});

test('the management port lists replicas and models, counts them and takes a drain', async () => {
  await start({ models: [echo('healthy'), 'nowhere'] });
  await control.whenReady('healthy');
  await control.whenSettled();
  const { replicas } = (await (await call('/plinth/v1/replicas')).json()) as { replicas: Array<Record<string, unknown>> };
  assert.deepEqual([replicas.length, replicas[0]?.['state'], replicas[0]?.['slots']], [1, 'ready', 3]);
  const { models } = (await (await call('/plinth/v1/models')).json()) as { models: Array<Record<string, unknown>> };
  assert.deepEqual(
    models.map((model) => [model['name'], model['state'], model['failure']]),
    [
      ['healthy', 'ready', undefined],
      ['nowhere', 'failed', 'No such model.'],
    ],
  );
  const metrics = await call('/metrics');
  assert.match(metrics.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
  assert.match(await metrics.text(), /plinth_replicas\{model="healthy",state="ready"\} 1/);
  assert.equal(((await (await call('/plinth/v1/status')).json()) as { status: string }).status, 'ready');
  const drain = await call('/plinth/v1/drain', { method: 'POST' });
  assert.deepEqual([drain.status, drainRequests], [202, 1]);
});

const doors: ReadonlyArray<readonly [title: string, path: string, headers: Record<string, string>, status: number]> = [
  ['without a key the management port refuses', '/metrics', {}, 401],
  ['an unknown key is refused', '/metrics', { authorization: 'Bearer nonsense' }, 401],
  ['an inference key is refused', '/plinth/v1/replicas', { authorization: 'Bearer plain-key' }, 403],
  ['an admin key opens', '/plinth/v1/replicas', { authorization: 'Bearer admin-key' }, 200],
  ['a path that does not exist tells nothing without a key', '/plinth/v1/nothing', {}, 401],
  ['a path that does not exist is not found with a key', '/plinth/v1/nothing', { authorization: 'Bearer admin-key' }, 404],
  ['liveness is open', '/livez', {}, 200],
  ['a foreign Host is refused', '/livez', { host: 'evil.example.org' }, 403],
  ['a web page is refused', '/metrics', { authorization: 'Bearer admin-key', origin: 'http://localhost:8081' }, 403],
];

for (const [title, path, headers, status] of doors) {
  test(title, async () => {
    await start({ models: ['nowhere'] });
    assert.equal(await callWithHeaders(path, headers), status);
  });
}

test('errors of the management port have one shape', async () => {
  await start({ models: [echo('healthy')] });
  const wrongMethod = await call('/metrics', { method: 'POST' });
  assert.deepEqual([wrongMethod.status, wrongMethod.headers.get('allow')], [405, 'GET']);
  const body = (await wrongMethod.json()) as { error: { code: string; message: string } };
  assert.equal(body.error.code, 'method_not_allowed');
  assert.match(body.error.message, /takes GET, not POST/);
  const huge = await call('/plinth/v1/drain', { method: 'POST', body: 'x'.repeat(100_000) });
  assert.deepEqual([huge.status, drainRequests], [413, 0]);
});

test('a management port that is taken is named', async () => {
  await start({ models: [echo('healthy')] });
  const squatter = createServer().listen(0, '127.0.0.1');
  await until(() => squatter.listening);
  const address = squatter.address();
  const managementPort = typeof address === 'object' ? address?.port : undefined;
  const running = control;
  await assert.rejects(
    start({ managementPort }),
    (error) => error instanceof PlinthError && error.message.includes(`${managementPort}`),
  );
  control = running;
  squatter.close();
});

test('a management port beyond loopback without TLS is refused with the reason', async () => {
  await start({ models: [echo('healthy')] });
  await assert.rejects(start({ managementHost: '0.0.0.0' }), /beyond loopback, and there is no TLS/);
});

test('stopping twice ends the replicas once and closes the port', async () => {
  await start({ models: [echo('healthy'), echo('never-loads')] });
  await control.whenReady('healthy');
  await Promise.all([control.stop(), control.stop()]);
  await assert.rejects(control.whenReady('never-loads'), /stops before/);
  await assert.rejects(fetch(`${control.managementUrl}/livez`));
  assert.ok(control.replicas().every((replica) => replica.state === 'unloaded'));
});
