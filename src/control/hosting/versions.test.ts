import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { emptyStore, HostedFleet, promptFor, versionRecord } from '../../../tests/support/hosted-fleet.ts';
import { PlinthError, type ErrorCode } from '../../core/errors/index.ts';
import type { JsonObject } from '../../core/inference/index.ts';
import { isServing } from '../../core/messages/index.ts';

let hosted: HostedFleet;

beforeEach(async () => {
  const warmUpRequests = async (_model: string, count: number) => Array.from({ length: count }, () => promptFor('warm'));
  hosted = await HostedFleet.open({ warmUpRequests, warmUpCount: 3 });
});

afterEach(() => hosted.close());

/** Answers a warm-up, which is its first request, by ending its process. */
const broken = (version: string, settings: JsonObject = {}) => versionRecord(version, { failEvery: 1, ...settings });

const failsWith = (code: ErrorCode, problem: RegExp) => (error: unknown) =>
  error instanceof PlinthError && error.code === code && problem.test(error.message);

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await sleep(10);
}

const isAnswered = async (answer: ReturnType<HostedFleet['ask']>): Promise<boolean> => (await answer).at(-1)?.type === 'finished';

test('a version is loading until it has answered and has been warmed up', async () => {
  hosted.follow(versionRecord('1'));
  assert.deepEqual([hosted.stateOf('1')?.state, hosted.serving()], ['loading', []]);
  await hosted.load('1');
  const states = hosted.history.map((models) => hosted.routed('1', models)?.replicas[0]?.state ?? 'none');
  assert.deepEqual([...new Set(states)], ['none', 'loading', 'ready']);
  const told = hosted.events.map(({ type }) => type);
  assert.ok(told.indexOf('version-warmed') < told.indexOf('replica-ready'));
  assert.deepEqual(
    hosted.eventsOf('version-warmed').map(({ version, requests, failed }) => [version, requests, failed]),
    [['1', 3, 0]],
  );
  assert.deepEqual(
    [hosted.stateOf('1')?.state, hosted.stateOf('1')?.why, hosted.stateOf('1')?.warmUp?.failed],
    ['ready', 'a test', 0],
  );
  assert.deepEqual(hosted.found, [['1', { bytes: 0, engine: 'echo 1', precision: 'none' }]]);
});

test('two versions serve side by side, each with settings of its own', async () => {
  hosted.follow(versionRecord('1'), versionRecord('2', { slots: 5 }));
  await Promise.all([hosted.load('1'), hosted.load('2')]);
  assert.deepEqual(hosted.serving().toSorted(), ['1', '2']);
  assert.deepEqual([hosted.routed('1')?.facts?.slots, hosted.routed('2')?.facts?.slots], [2, 5]);
  assert.equal((await hosted.fleet.whenReady('chat')).slots, 5);
  assert.deepEqual(await Promise.all([isAnswered(hosted.ask('1', 'a')), isAnswered(hosted.ask('2', 'b'))]), [true, true]);
});

test('following the same versions again changes nothing', async () => {
  hosted.follow(versionRecord('1'));
  await hosted.load('1');
  const [before] = hosted.fleet.reports();
  for (let i = 0; i < 5; i++) hosted.follow(versionRecord('1'));
  await sleep(50);
  assert.deepEqual(
    hosted.fleet.reports().map(({ pid }) => pid),
    [before?.pid],
  );
});

test('whoever follows again at every change of the snapshot comes to an end', async () => {
  let calls = 0;
  const onChanged = (): void => {
    calls += 1;
    if (calls < 1_000) hosted.follow(versionRecord('1'), versionRecord('2'));
  };
  await hosted.close();
  hosted = await HostedFleet.open({ onChanged });
  hosted.follow(versionRecord('1'), versionRecord('2'));
  await Promise.all([hosted.load('1'), hosted.load('2')]);
  await sleep(50);
  assert.ok(calls < 100, String(calls));
  assert.equal(hosted.fleet.reports().length, 2);
});

test('a version that is no longer wanted answers until its successor does, and ends what it has begun', async () => {
  hosted.follow(versionRecord('1', { stepMs: 100 }));
  await hosted.load('1');
  let isEnded = false;
  const answer = isAnswered(hosted.ask('1', 'x'.repeat(60))).finally(() => (isEnded = true));
  hosted.history = [];
  hosted.follow(versionRecord('2'));
  await hosted.load('2');
  assert.deepEqual(
    hosted.history.filter((models) => hosted.serving(models).length === 0),
    [],
    'there is always one that answers',
  );
  await until(() => hosted.routed('1')?.replicas[0]?.state === 'draining');
  assert.equal(isEnded, false);
  await until(() => hosted.routed('1') === undefined);
  assert.equal(await answer, true);
  assert.deepEqual([hosted.serving(), hosted.stateOf('1')], [['2'], undefined]);
});

test('a version that does not load leaves the others alone and says why', async () => {
  hosted.follow(versionRecord('1'));
  await hosted.load('1');
  hosted.follow(broken('2'));
  await assert.rejects(hosted.load('2'), failsWith('engine_failed', /SIGABRT/));
  assert.equal(hosted.stateOf('2')?.state, 'failed');
  assert.deepEqual(hosted.serving(), ['1'], 'what answered before is not wanted and stays');
  assert.equal(hosted.eventsOf('model-failed').length, 0);
  assert.ok(hosted.eventsOf('version-failed').length > 0);
  assert.equal(
    hosted.history.flat().some((model) => model.version === '2' && isServing(model)),
    false,
  );
  hosted.follow(versionRecord('1'));
  await until(() => hosted.stateOf('2') === undefined);
  assert.deepEqual(hosted.serving(), ['1']);
});

test('a version that fails at every second request loses it and is back for the next', async () => {
  await hosted.close();
  hosted = await HostedFleet.open();
  hosted.follow(versionRecord('1', { failEvery: 2 }));
  await hosted.load('1');
  assert.equal(await isAnswered(hosted.ask('1', 'a')), true);
  assert.equal(await isAnswered(hosted.ask('1', 'b')), false);
  await until(() => hosted.eventsOf('replica-ready').length === 2);
  assert.equal(await isAnswered(hosted.ask('1', 'c')), true);
});

test('a version whose settings are not known fails by itself', async () => {
  hosted.follow(versionRecord('1'), versionRecord('2', { slots: 'many' }));
  await assert.rejects(hosted.load('2'), failsWith('invalid_request', /chat:2.*slots/));
  await hosted.load('1');
  assert.deepEqual(hosted.serving(), ['1']);
});

test('a version may be waited for before anything asks for it', async () => {
  hosted.follow(versionRecord('1'));
  const loaded = hosted.load('2');
  hosted.follow(versionRecord('1'), versionRecord('2'));
  await loaded;
  const stopped = new AbortController();
  const waiting = hosted.fleet.ensureLoaded('chat', '3', stopped.signal);
  stopped.abort();
  await assert.rejects(waiting, failsWith('cancelled', /Nobody waits/));
});

test('a version that memory is too short for says so, and is loaded as soon as there is enough', async () => {
  hosted.follow(versionRecord('1'));
  await hosted.load('1');
  hosted.freeBytes = 10e6;
  hosted.follow(versionRecord('1'), versionRecord('2'));
  await assert.rejects(
    hosted.load('2'),
    failsWith('model_unavailable', /^chat:2 needs about \d+ MB beside chat:1 \(\d+ MB\); 10 MB are free$/),
  );
  assert.deepEqual([hosted.routed('2')?.isHeld, hosted.stateOf('2')?.state, hosted.serving()], [true, 'failed', ['1']]);
  hosted.freeBytes = 1e12;
  await until(() => hosted.serving().includes('2'));
  assert.equal(hosted.routed('2')?.failure, undefined);
});

test('where a swap is allowed the old version leaves first while requests for the new one wait', async () => {
  hosted.follow(versionRecord('1', { stepMs: 20 }));
  await hosted.load('1');
  const answer = hosted.ask('1', 'x'.repeat(60));
  hosted.freeBytes = 10e6;
  hosted.history = [];
  hosted.followAll([
    { record: versionRecord('1', { stepMs: 20 }), why: 'it answers', isSpare: true },
    { record: versionRecord('2', { swap: 'held' }), why: 'policy' },
  ]);
  await hosted.load('2');
  assert.ok(await isAnswered(answer));
  const gaps = hosted.history.filter((models) => hosted.serving(models).length === 0);
  assert.ok(gaps.length > 0);
  assert.ok(
    gaps.every((models) => hosted.routed('2', models) !== undefined && hosted.routed('2', models)?.isHeld === undefined),
    'requests are held, not refused',
  );
  await until(() => hosted.eventsOf('version-swapped').length > 0);
  const [swap] = hosted.eventsOf('version-swapped');
  assert.deepEqual([swap?.version, swap?.left, swap?.outcome], ['2', ['1'], 'done']);
  assert.ok((swap?.heldMs ?? 0) > 0);
  assert.deepEqual([hosted.serving(), hosted.stateOf('1')?.reason], [['2'], 'chat:1 was unloaded to make room for chat:2.']);
});

test('a swap leaves versions alone that something needs', async () => {
  hosted.follow(versionRecord('1'));
  await hosted.load('1');
  hosted.freeBytes = 10e6;
  hosted.follow(versionRecord('1'), versionRecord('2', { swap: 'held' }));
  await assert.rejects(hosted.load('2'), failsWith('model_unavailable', /needs about/));
  assert.deepEqual(hosted.serving(), ['1']);
});

test('a swap that fails brings the old version back', async () => {
  hosted.follow(versionRecord('1'));
  await hosted.load('1');
  hosted.freeBytes = 10e6;
  hosted.follow(broken('2', { swap: 'held' }));
  await until(() => hosted.eventsOf('version-swapped').length > 0);
  assert.deepEqual(
    hosted.eventsOf('version-swapped').map(({ outcome, left }) => [outcome, left]),
    [['undone', ['1']]],
  );
  await until(() => hosted.serving().includes('1'));
  assert.match(hosted.stateOf('2')?.reason ?? '', /chat:1 is back/);
  await assert.rejects(hosted.load('2'), failsWith('engine_failed', /is back/));
  hosted.follow(broken('2', { swap: 'held' }));
  await sleep(50);
  assert.deepEqual([hosted.serving(), hosted.eventsOf('version-swapped').length], [['1'], 1], 'it is not tried again and again');
});

test('a line is unloaded and loaded by its name', async () => {
  hosted.follow(versionRecord('1'), versionRecord('2'));
  await Promise.all([hosted.load('1'), hosted.load('2')]);
  const before = hosted.fleet.reports().map(({ pid }) => pid);
  await hosted.fleet.load('chat');
  assert.equal(
    hosted.fleet.reports().some(({ pid, state }) => state === 'ready' && before.includes(pid)),
    false,
    'each has a successor',
  );
  await hosted.fleet.unload('chat', 'keep');
  await until(() => hosted.fleet.routed().length === 0);
  assert.deepEqual(
    [hosted.fleet.isUnloaded, hosted.fleet.index().map(({ state }) => state)],
    [true, ['UNAVAILABLE', 'UNAVAILABLE']],
  );
  await assert.rejects(hosted.load('1'), failsWith('model_not_ready', /unloaded by name/));
  await hosted.fleet.load('chat');
  assert.deepEqual(hosted.serving().toSorted(), ['1', '2']);
  await assert.rejects(hosted.fleet.load('chat', { config: {} }), failsWith('invalid_request', /recorded in the book/));
});

test('an endpoint that others run is ready at once and has no process', async () => {
  const upstream = { url: 'https://example.org/v1', model: 'theirs' };
  hosted.follow(versionRecord('1', { engine: 'llama', upstream }));
  await hosted.load('1');
  const [replica] = hosted.routed('1')?.replicas ?? [];
  assert.deepEqual([replica?.upstream, replica?.socketPath, hosted.fleet.reports()], [upstream, '', []]);
  assert.equal(hosted.found[0]?.[1].engine, 'upstream');
});

test('an endpoint whose key is missing is refused with the name of its variable', async () => {
  const upstream = { url: 'https://example.org/v1', model: 'theirs', keyVariable: 'THEIR_KEY' };
  hosted.follow(versionRecord('1', { engine: 'llama', upstream }));
  await assert.rejects(hosted.load('1'), failsWith('model_unavailable', /THEIR_KEY/));
  assert.equal(hosted.routed('1')?.isHeld, true);
});

test('a version whose files are not those that it was recorded with is refused', async () => {
  await hosted.close();
  const obtained = {
    name: 'm',
    reference: 'm',
    engine: 'llama',
    task: 'generate',
    filePath: '/none',
    bytes: 5,
    addedAt: 1,
  } as const;
  hosted = await HostedFleet.open({
    store: { ...emptyStore, obtain: async () => ({ ...obtained, sha256: 'b'.repeat(64), source: 's' }) },
  });
  const facts = { sha256: 'a'.repeat(64), bytes: 5, engine: 'x', precision: 'y' };
  hosted.follow(versionRecord('1', { engine: 'llama' }, { reference: 'm', found: facts }));
  await assert.rejects(hosted.load('1'), failsWith('invalid_model_file', /chat:1 have changed/));
  assert.deepEqual(hosted.fleet.reports(), []);
});
