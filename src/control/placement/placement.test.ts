import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { RoutedReplica } from '../../core/messages/index.ts';
import { defaultOnnxOptions, type ModelFacts, type ModelSpec } from '../../core/models/index.ts';
import { createLogger, createMetrics, type Metrics } from '../../core/telemetry/index.ts';
import {
  openRunFolder,
  Placement,
  type PlacedModel,
  recordReplicaMetrics,
  type PlacementListener,
  type PlacementOptions,
  type ReplicaEnd,
  type ReplicaReport,
} from './index.ts';

const silent = createLogger({ level: 'silent' });
const SCRIPTED = fileURLToPath(new URL('../../../tests/replicas/scripted-replica.ts', import.meta.url));

class Notes implements PlacementListener {
  readonly states: string[] = [];
  readonly ready: Array<{ readonly replicaId: string; readonly facts: ModelFacts }> = [];
  readonly lost: Array<{ readonly replicaId: string; readonly end: ReplicaEnd; readonly retryInMs: number | undefined }> = [];
  readStates: () => string = () => '';

  onChanged(): void {
    this.states.push(this.readStates());
  }
  onLoading(): void {}
  onReady(ready: Notes['ready'][number]): void {
    this.ready.push(ready);
  }
  onLost(lost: Notes['lost'][number]): void {
    this.lost.push(lost);
  }
}

let home: string;
let placement: Placement;
let metrics: Metrics;
let placed: Map<string, PlacedModel>;

beforeEach(() => {
  placed = new Map();
  home = mkdtempSync(join(tmpdir(), 'placement-'));
});

afterEach(async () => {
  await placement.stop();
  rmSync(home, { recursive: true, force: true });
});

async function openPlacement(times: PlacementOptions['times'] = {}): Promise<void> {
  metrics = createMetrics();
  placement = new Placement({ runFolder: await openRunFolder(home), workerPath: SCRIPTED, metrics, logger: silent, times });
}

function place(name: string, change: Partial<ModelSpec> = {}): Notes {
  const notes = new Notes();
  notes.readStates = () =>
    routedReplicas(name)
      .map((replica) => replica.state)
      .join();
  const limits = {
    slots: 8,
    contextTokens: 0,
    threads: 0,
    gpuLayers: 0,
    queueLength: 1,
    queueTimeoutMs: 1_000,
    memoryLimitBytes: 0,
  };
  const identity = { name, version: '1', engine: 'echo', task: 'generate', onnx: defaultOnnxOptions } as const;
  placed.set(name, placement.place({ ...identity, stepMs: 0, ...limits, ...change }, 1, notes));
  notes.onChanged();
  return notes;
}

function routedReplicas(name: string): readonly RoutedReplica[] {
  return placed.get(name)?.routed() ?? [];
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await sleep(10);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Of every model that a test places. */
function allReports(): readonly ReplicaReport[] {
  return [...placed.values()].flatMap((model) => model.reports());
}

function pidOf(model: string): number {
  const pid = allReports().find((report) => report.model === model)?.pid;
  assert.ok(pid !== undefined);
  return pid;
}

test('a replica becomes ready after it has answered a probe, and its report comes from its pongs', async () => {
  await openPlacement();
  const notes = place('healthy');
  const report = () => allReports()[0];
  await until(() => report()?.promptTokens === 7 && (report()?.rssBytes ?? 0) > 1_000_000);
  assert.equal(notes.states[0], 'loading');
  assert.equal(notes.states.at(-1), 'ready');
  assert.equal(notes.ready[0]?.facts.slots, 3);
  const [routed] = routedReplicas('healthy');
  assert.ok(routed !== undefined && existsSync(routed.socketPath));
  assert.deepEqual([routed.id, routed.slots], ['r1', 3]);
});

test('a killed replica leaves ready, and another with a new name takes its seat', async () => {
  await openPlacement();
  const notes = place('healthy');
  await until(() => notes.ready.length === 1);
  const before = routedReplicas('healthy')[0];
  const pid = pidOf('healthy');
  process.kill(pid, 'SIGKILL');
  await until(() => notes.ready.length === 2);
  assert.equal(notes.lost[0]?.end.reason, 'exited');
  assert.ok(notes.lost[0]?.end.detail.includes('SIGKILL'));
  assert.deepEqual(notes.states, ['loading', 'ready', 'failed', 'loading', 'ready']);
  const after = routedReplicas('healthy')[0];
  assert.ok(before !== undefined && after !== undefined);
  assert.notEqual(after.id, before.id);
  assert.ok(!existsSync(before.socketPath) && existsSync(after.socketPath));
  assert.equal(allReports()[0]?.restarts, 1);
  assert.match(await metrics.registry.metrics(), /plinth_replica_replacements_total\{model="healthy",reason="exited"\} 1/);
});

test('a stopped replica is found hung, although idle, and is replaced while its neighbour is left alone', async () => {
  await openPlacement();
  const notes = place('healthy');
  const neighbour = place('chatters');
  await until(() => notes.ready.length === 1 && neighbour.ready.length === 1);
  process.kill(pidOf('healthy'), 'SIGSTOP');
  await until(() => notes.ready.length === 2);
  assert.equal(notes.lost[0]?.end.reason, 'hung');
  assert.equal(neighbour.lost.length, 0);
});

const misbehaviours: ReadonlyArray<readonly [title: string, model: string, reason: string, change?: Partial<ModelSpec>]> = [
  ['a replica that holds work and makes no step is replaced', 'gets-stuck', 'no-progress'],
  ['a replica that aborts is replaced', 'aborts', 'exited'],
  ['a replica that outgrows its memory is replaced', 'grows', 'memory-limit', { memoryLimitBytes: 300_000_000 }],
  ['a replica that dies while loading is tried again', 'dies-loading', 'exited'],
  ['a replica whose first probe fails is tried again', 'answers-wrong', 'probe-failed'],
  ['a replica whose first answer does not come is tried again', 'never-answers', 'probe-late'],
  ['a replica that does not load in time is tried again', 'never-loads', 'load-late'],
];

for (const [title, model, reason, change] of misbehaviours) {
  test(title, async () => {
    await openPlacement({ loadTimeoutMs: 1_500, firstAnswerTimeoutMs: 500 });
    const notes = place(model, change);
    await until(() => notes.lost.length === 1);
    assert.equal(notes.lost[0]?.end.reason, reason);
    assert.ok((notes.lost[0]?.retryInMs ?? 0) > 0);
    assert.equal(routedReplicas(model)[0]?.state, 'failed');
    await until(() => allReports()[0]?.restarts === 1);
    assert.equal(allReports()[0]?.lastFailure?.reason, reason);
  });
}

test('a replica that refuses its file for good is not tried again', async () => {
  await openPlacement();
  const notes = place('refuses');
  await until(() => notes.lost.length === 1);
  assert.equal(notes.lost[0]?.retryInMs, undefined);
  assert.equal(notes.lost[0]?.end.error?.code, 'invalid_model_file');
});

test('noise on standard output does not disturb', async () => {
  await openPlacement();
  const notes = place('chatters');
  await until(() => notes.ready.length === 1);
  assert.equal(notes.lost.length, 0);
});

test('stopping ends every process, one that ignores requests included, removes the sockets and may be repeated', async () => {
  await openPlacement();
  const stubborn = place('ignores-the-end');
  const healthy = place('healthy');
  const loading = place('never-loads');
  await until(() => stubborn.ready.length === 1 && healthy.ready.length === 1);
  const pids = allReports().map((report) => report.pid ?? 0);
  await Promise.all([placement.stop(), placement.stop()]);
  assert.deepEqual(pids.map(isAlive), [false, false, false]);
  assert.deepEqual(readdirSync(join(home, 'run')), []);
  assert.deepEqual([stubborn.lost, healthy.lost, loading.lost].flat(), []);
  assert.deepEqual(
    allReports().map((report) => report.state),
    ['unloaded', 'unloaded', 'unloaded'],
  );
});

test('stopping cancels a replacement that is due', async () => {
  await openPlacement();
  const notes = place('dies-loading');
  await until(() => notes.lost.length === 1);
  await placement.stop();
  const { restarts } = allReports()[0] ?? {};
  await sleep(400);
  assert.equal(allReports()[0]?.restarts, restarts);
});

test('gauges count replicas by state and forget those that are gone', async () => {
  await openPlacement();
  const notes = place('healthy');
  await until(() => notes.ready.length === 1);
  recordReplicaMetrics(metrics, allReports());
  process.kill(pidOf('healthy'), 'SIGKILL');
  await until(() => notes.ready.length === 2);
  recordReplicaMetrics(metrics, allReports());
  const text = await metrics.registry.metrics();
  assert.match(text, /plinth_replicas\{model="healthy",state="ready"\} 1/);
  assert.match(text, /plinth_batch_sequences\{model="healthy",replica="r2"\} 0/);
  assert.doesNotMatch(text, /replica="r1"/);
});

test('no replica is blamed for a time in which the supervisor itself was held up', async () => {
  await openPlacement();
  const notes = place('healthy');
  await until(() => notes.ready.length === 1);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3_000);
  await sleep(600);
  assert.equal(notes.lost.length, 0);
});

test('a model that is taken away is draining while it holds work, and ends at the latest when its time is over', async () => {
  await openPlacement();
  const busy = place('gets-stuck');
  await until(() => busy.ready.length === 1);
  const pid = pidOf('gets-stuck');
  let hasEnded = false;
  const gone = placed
    .get('gets-stuck')
    ?.retire(1_500)
    .then(() => (hasEnded = true));
  assert.equal(routedReplicas('gets-stuck')[0]?.state, 'draining');
  await sleep(1_000);
  assert.deepEqual([hasEnded, isAlive(pid)], [false, true]);
  await gone;
  assert.equal(isAlive(pid), false);
  assert.deepEqual(busy.lost, []);
});

test('an idle model that is taken away ends long before its time is over, and nothing takes its place', async () => {
  await openPlacement();
  const idle = place('healthy');
  await until(() => idle.ready.length === 1);
  const pid = pidOf('healthy');
  await placed.get('healthy')?.retire(600_000);
  assert.equal(isAlive(pid), false);
  assert.equal(routedReplicas('healthy')[0]?.state, 'unloaded');
  assert.deepEqual(idle.lost, []);
});
