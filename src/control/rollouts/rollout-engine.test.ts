import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { PlinthError } from '../../core/errors/index.ts';
import type { Lease, LineRecord, RolloutRecord, RolloutState } from '../../core/records/index.ts';
import { createLogger } from '../../core/telemetry/index.ts';
import { addVersions, MODEL, newestRollout, RolloutWorld, type ScriptedVersion } from '../../../tests/support/rollout-world.ts';
import { openBook, type Book } from '../book/index.ts';
import { isRunning } from './choose-rollout-move.ts';
import { readStartRequest } from './commanding/index.ts';
import { openRolloutEngine, type RolloutEngine } from './rollout-engine.ts';
import type { RolloutEngineOptions } from './rollout-ports.ts';

const PACE = { tickMs: 20, leastTickMs: 2, leaseMs: 2_000, persistMs: 20, absenceMs: 60 };
const STEPS = [
  { percent: 10, requests: 20 },
  { percent: 50, requests: 20 },
  { percent: 100, requests: 20 },
];
const SHADOW = { comparisons: 20 };

let home: string;
let book: Book;
let engines: RolloutEngine[];
let log: string;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'rollout-engine-'));
  book = await openBook({ home });
  engines = [];
  log = '';
});

afterEach(async () => {
  await Promise.all(engines.map((engine) => engine.close()));
  await book.close();
  rmSync(home, { recursive: true, force: true });
});

async function open(world: RolloutWorld, holder = 'p1', change: Partial<RolloutEngineOptions> = {}): Promise<RolloutEngine> {
  const logger = createLogger({ level: 'info', destination: { write: (line) => (log += line) } });
  const engine = await openRolloutEngine({ book, holder, logger, pace: PACE, ...world.ports(), ...change });
  engines.push(engine);
  return engine;
}

async function begin(candidate: ScriptedVersion, plan: object = {}): Promise<{ engine: RolloutEngine; world: RolloutWorld }> {
  const world = new RolloutWorld({ 1: {}, 2: candidate });
  await addVersions(book, ['1', '2']);
  const engine = await open(world);
  const body = { model: MODEL, to: '2', plan: { steps: STEPS, shadow: SHADOW, ...plan } };
  await engine.start(readStartRequest(body), 'local');
  return { engine, world };
}

async function current(): Promise<RolloutRecord> {
  const rollout = await newestRollout(book);
  assert.ok(rollout);
  return rollout;
}

/** Callers ask until the rollout is as wanted. */
async function askUntil(
  { engine, world }: { engine: RolloutEngine; world: RolloutWorld },
  isWanted: (rollout: RolloutRecord) => boolean,
): Promise<RolloutRecord> {
  for (;;) {
    const rollout = await current();
    if (isWanted(rollout)) return rollout;
    assert.ok(isRunning(rollout), `it has ended: ${rollout.state}, ${rollout.reason}`);
    world.askMany(engine, rollout, 40);
    await sleep(5);
  }
}

const isIn = (state: RolloutState) => (rollout: RolloutRecord) => rollout.state === state;

async function line(): Promise<LineRecord> {
  const { lines } = await book.readReleases();
  assert.ok(lines[0]);
  return lines[0];
}

async function actions(): Promise<readonly string[]> {
  const { id } = await current();
  return (await book.readAudit({ after: 0, most: 100, subject: `rollout ${id}` })).map(({ action }) => action);
}

const refusal = (code: string, word: RegExp) => (error: unknown) =>
  error instanceof PlinthError && error.code === code && word.test(error.message);

test('a good candidate is shadowed, given more step by step, and promoted with weights and aliases', async () => {
  const world = new RolloutWorld({ 1: {}, 2: {} });
  await addVersions(book, ['1', '2']);
  const aliased = {
    model: MODEL,
    policy: { latest: 1 },
    aliases: { stable: '1', old: '1' },
    traffic: defaultTraffic(),
    revision: 1,
  };
  await book.change({ line: aliased, audit: { actor: 'local', action: 'alias.moved', subject: MODEL, detail: {} } });
  const engine = await open(world);
  await engine.start(readStartRequest({ model: MODEL, to: '2', plan: { steps: STEPS, shadow: SHADOW } }), 'local');
  assert.deepEqual((await line()).traffic.weights, { 1: 1 });
  await askUntil({ engine, world }, isIn('promoted'));
  const { traffic, aliases } = await line();
  assert.deepEqual(traffic.weights, { 2: 1 });
  assert.deepEqual(aliases, { stable: '2', old: '1' });
  assert.deepEqual(await actions(), ['rollout.started', ...Array(4).fill('rollout.advanced'), 'rollout.promoted']);
  const status = await engine.status(MODEL);
  assert.deepEqual(
    status.steps.map(({ state }) => state),
    Array(6).fill('done'),
  );
  assert.deepEqual(status.missing, []);
});

function defaultTraffic(): LineRecord['traffic'] {
  return { weights: {}, sticky: { by: 'caller' }, rules: [], fallback: [] };
}

const bad: ReadonlyArray<readonly [title: string, version: ScriptedVersion, plan: object, judge: string]> = [
  [
    'a candidate that fails four requests of ten is rolled back by its errors',
    { failing: 0.4 },
    { strategy: ['canary'] },
    'errors',
  ],
  ['a slow candidate is rolled back by its latency', { slowness: 3 }, { strategy: ['canary'] }, 'firstToken'],
  ['a candidate whose answers are unlike is rolled back before any caller sees it', { likeness: 0.3 }, {}, 'similarity'],
];

for (const [title, version, plan, judge] of bad) {
  test(title, async () => {
    const running = await begin(version, plan);
    const rollout = await askUntil(running, isIn('rolled-back'));
    assert.match(rollout.reason, new RegExp(`${judge}: `));
    assert.equal(rollout.share, 0);
    assert.deepEqual((await line()).traffic.weights, { 1: 1 });
    const why = await running.engine.why(MODEL);
    assert.ok(why.failed.some((verdict) => verdict.judge === judge));
    assert.match(why.headline, /rolled back to version 1/);
    const { detail } = (await book.readAudit({ after: 0, most: 100, subject: `rollout ${rollout.id}` })).at(-1) ?? assert.fail();
    assert.ok(JSON.stringify(detail['failed']).includes(judge));
  });
}

test('a candidate that does not load fails the rollout with its reason, and nothing else changes', async () => {
  await begin({ refuses: 'the file is cut off' });
  while (isRunning(await current())) await sleep(5);
  const rollout = await current();
  assert.equal(rollout.state, 'failed');
  assert.equal(rollout.reason, 'version 2 could not be loaded: the file is cut off');
  assert.deepEqual((await line()).traffic.weights, { 1: 1 });
});

test('a candidate that fails golden questions is rolled back without a single request', async () => {
  const golden = Array.from({ length: 30 }, (_, i) => ({ question: `${i}?`, expect: { contains: ['yes'] } }));
  await begin({ isGolden: false }, { golden });
  while (isRunning(await current())) await sleep(5);
  assert.deepEqual(await actions(), ['rollout.started', 'rollout.rolled-back']);
  assert.match((await current()).reason, /^golden: /);
});

test('a few golden questions are asked round after round until their judge has enough', async () => {
  const golden = [{ question: 'yes?', expect: { contains: ['yes'] } }];
  const running = await begin({}, { golden, leastObservations: 2 });
  await askUntil(running, isIn('canary'));
  const verdict = (await running.engine.status(MODEL)).verdicts.find(({ judge }) => judge === 'golden');
  assert.equal(verdict?.state, 'pass');
});

test('a candidate that stops answering in the canary is rolled back as an error', async () => {
  const running = await begin({}, { strategy: ['canary'] });
  await askUntil(running, isIn('canary'));
  running.world.gone.add('2');
  while (isRunning(await current())) await sleep(5);
  const rollout = await current();
  assert.equal(rollout.state, 'rolled-back');
  assert.match(rollout.reason, /^errors: version 2 answers no more/);
});

test('a paused rollout keeps its share, says why, and goes on when resumed', async () => {
  const running = await begin({}, { strategy: ['canary'] });
  await askUntil(running, isIn('canary'));
  const paused = await running.engine.pause(MODEL, { actor: 'local', reason: 'a holiday' });
  const { step, share } = await current();
  for (let i = 0; i < 20; i++) {
    running.world.askMany(running.engine, await current(), 40);
    await sleep(5);
  }
  assert.deepEqual({ step, share }, { step: (await current()).step, share: (await current()).share });
  assert.match(paused.headline, /stands still at 10 % for version 2: a holiday/);
  assert.match((await running.engine.why(MODEL)).because[0] ?? '', /paused: a holiday/);
  await assert.rejects(running.engine.pause(MODEL, { actor: 'local' }), refusal('conflict', /paused already: a holiday/));
  await running.engine.resume(MODEL, { actor: 'local' });
  await askUntil(running, isIn('promoted'));
});

test('a paused rollout whose candidate turns out bad is rolled back all the same', async () => {
  const running = await begin({}, { strategy: ['canary'] });
  await askUntil(running, isIn('canary'));
  await running.engine.pause(MODEL, { actor: 'local' });
  running.world.versions['2'] = { failing: 0.5 };
  await askUntil(running, isIn('rolled-back'));
});

test('a rollout that nobody sends requests to loses its patience and pauses itself', async () => {
  const { engine } = await begin({}, { patienceMinutes: 0.002 });
  while ((await current()).pausedBecause === undefined) await sleep(5);
  const { paused = '' } = await engine.status(MODEL);
  assert.match(paused, /^nothing has been decided in 0.002 minutes: waits for 20 more comparisons/);
});

test('promoting by hand skips the judges and says who did it', async () => {
  const running = await begin({});
  await askUntil(running, isIn('shadowing'));
  const document = await running.engine.promote(MODEL, { actor: 'key_1' });
  assert.equal(document.state, 'promoted');
  assert.deepEqual((await line()).traffic.weights, { 2: 1 });
  assert.equal(document.history.at(-1)?.actor, 'key_1');
  await assert.rejects(running.engine.promote(MODEL, { actor: 'key_1' }), refusal('conflict', /has ended \(promoted\)/));
});

test('a candidate that does not answer is not promoted by hand', async () => {
  const running = await begin({});
  await askUntil(running, isIn('shadowing'));
  running.world.gone.add('2');
  await assert.rejects(running.engine.promote(MODEL, { actor: 'local' }), refusal('conflict', /does not answer now/));
});

test('an aborted rollout leaves the line as it is and can be followed by another', async () => {
  const running = await begin({});
  const { id } = await running.engine.abort(MODEL, { actor: 'local', reason: 'the wrong one' });
  assert.deepEqual((await line()).traffic.weights, { 1: 1 });
  const next = await running.engine.start(readStartRequest({ model: MODEL, to: 2 }), 'local');
  assert.notEqual(next.id, id);
  assert.equal((await running.engine.status(id)).reason, 'the wrong one');
  assert.equal((await running.engine.list(MODEL)).length, 2);
});

test('a second rollout of the same model is refused while one runs', async () => {
  const { engine } = await begin({});
  const again = engine.start(readStartRequest({ model: MODEL, to: '2' }), 'local');
  await assert.rejects(again, refusal('conflict', /being rolled out already: r_[0-9a-f]{12}, to version 2/));
});

test('two starts at the same moment make one rollout', async () => {
  await addVersions(book, ['1', '2', '3']);
  const world = new RolloutWorld({});
  const [a, b] = [await open(world, 'a'), await open(world, 'b')];
  const wishes = ['2', '3'].map((to) => readStartRequest({ model: MODEL, to, from: undefined }));
  const results = await Promise.allSettled([a.start(wishes[0] ?? assert.fail(), 'x'), b.start(wishes[1] ?? assert.fail(), 'y')]);
  assert.deepEqual(results.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected']);
  assert.equal((await book.readReleases()).rollouts.filter(isRunning).length, 1);
});

/** The book, with everything noted that is written to rollouts under a lease. */
function watchedBook(onWritten: (outcome: string) => void): Book {
  const note = async <T>(writing: Promise<T>): Promise<T> => {
    try {
      const result = await writing;
      onWritten('written');
      return result;
    } catch (error) {
      onWritten(error instanceof PlinthError ? error.code : 'defect');
      throw error;
    }
  };
  return {
    ...book,
    change: (change) => (change.lease === undefined ? book.change(change) : note(book.change(change))),
    noteRolloutEvidence: (rollout, lease) => note(book.noteRolloutEvidence(rollout, lease)),
  };
}

test('what another process sees reaches the one that drives, and it decides nothing itself', async () => {
  const { world } = await begin({ failing: 0.3 }, { strategy: ['canary'] });
  const writes: string[] = [];
  const other = await open(world, 'p2', { book: watchedBook((outcome) => writes.push(outcome)) });
  await askUntil({ engine: other, world }, isIn('rolled-back'));
  assert.deepEqual(writes, []);
  const { rollouts } = await book.readReleases();
  while ((await book.readRolloutReports(rollouts[0]?.id ?? '', 10)).length > 0) await sleep(5);
});

test('a leader that does not know that it has lost its lease is refused whatever it writes', async () => {
  const world = new RolloutWorld({ 1: {}, 2: {} });
  await addVersions(book, ['1', '2']);
  const writes: string[] = [];
  const watched = watchedBook((outcome) => writes.push(outcome));
  let believed: Promise<Lease | undefined> | undefined;
  const takeLease: Book['takeLease'] = (name, holder) => (believed ??= book.takeLease(name, holder, 300));
  const old = await open(world, 'old', { book: { ...watched, takeLease } });
  const plan = { steps: STEPS, strategy: ['canary'] };
  const { id } = await old.start(readStartRequest({ model: MODEL, to: '2', plan }), 'local');
  await askUntil({ engine: old, world }, isIn('canary'));
  let lease: Lease | undefined;
  while (lease === undefined) {
    lease = await book.takeLease(`rollout:${id}`, 'new', 60_000);
    await sleep(5);
  }
  const before = await current();
  writes.length = 0;
  while (writes.length < 3) {
    world.askMany(old, before, 100);
    await sleep(5);
  }
  assert.deepEqual(new Set(writes), new Set(['stale_lease']));
  assert.deepEqual(await current(), before);
});

test('a process that is closed hands its rollout over with all its evidence', async () => {
  const running = await begin({}, { strategy: ['canary'], steps: [{ percent: 50, requests: 1000 }] });
  await askUntil(running, isIn('canary'));
  running.world.askMany(running.engine, await current(), 100);
  await running.engine.close();
  const next = await open(running.world, 'p2');
  const { counts } = await next.status(MODEL);
  assert.equal((counts?.liveCandidate ?? 0) + (counts?.liveCurrent ?? 0), 100);
  await askUntil({ engine: next, world: running.world }, isIn('promoted'));
});

test('feedback finds the version that it is about, and an unknown answer is refused', async () => {
  const running = await begin({}, { strategy: ['canary'], steps: [{ percent: 50, requests: 1000 }] });
  const rollout = await askUntil(running, isIn('canary'));
  running.world.askMany(running.engine, rollout, 40);
  const at = Date.now();
  for (let i = 1; i <= 40; i++)
    await running.engine.feedback({ requestId: `req-${i}`, score: 1, metric: 'score', keyId: 'k', role: 'inference', at });
  const unknown = running.engine.feedback({ requestId: 'req-0', score: 1, metric: 'score', keyId: 'k', role: 'inference', at });
  await assert.rejects(unknown, refusal('not_found', /'req-0'/));
  for (;;) {
    const verdict = (await running.engine.status(MODEL)).verdicts.find(({ judge }) => judge === 'feedback');
    if ((verdict?.candidateCount ?? 0) + (verdict?.currentCount ?? 0) === 40) break;
    await sleep(10);
  }
});

test('nothing that was asked or said is in the book or the log', async () => {
  const running = await begin({});
  const other = await open(running.world, 'p2');
  await askUntil({ engine: other, world: running.world }, isIn('canary'));
  const files = readdirSync(home, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const everything = files.map(({ parentPath, name }) => readFileSync(join(parentPath, name), 'latin1')).join('');
  assert.match(everything, /req-1/);
  assert.doesNotMatch(everything + log, /a secret/);
});

test('a rollout whose plan is of another release is left to that one, shown, and can be aborted', async () => {
  const { engine } = await begin({});
  const rollout = await current();
  await engine.close();
  engines = [];
  await book.change({
    rollout: { ...rollout, plan: { ...rollout.plan, judges: { mood: 1 } }, revision: rollout.revision + 1 },
    audit: { actor: 'local', action: 'rollout.paused', subject: `rollout ${rollout.id}`, detail: {} },
  });
  const older = await open(new RolloutWorld({ 1: {}, 2: {} }), 'p2');
  await sleep(60);
  assert.match(log, /does not drive it/);
  const lease = await book.takeLease(`rollout:${rollout.id}`, 'newer', 1_000);
  assert.ok(lease !== undefined, 'whoever understands the plan gets the lease');
  assert.equal((await older.status(rollout.id)).state, 'preparing');
  assert.equal((await older.why(rollout.id)).state, 'preparing');
  await assert.rejects(older.promote(rollout.id, { actor: 'local' }), { code: 'conflict' });
  assert.equal((await older.abort(rollout.id, { actor: 'local' })).state, 'aborted');
});

test('a process that has none of the versions of a model leaves its rollout to one that has', async () => {
  const world = new RolloutWorld({ 1: {}, 2: {} });
  await addVersions(book, ['1', '2']);
  const { fleet, ...ports } = world.ports();
  const bare = {
    ensureLoaded: () => Promise.reject(new PlinthError({ code: 'model_not_ready', message: 'nothing asks for it' })),
    isServing: () => false,
    has: () => false,
  };
  const stranger = await open(world, 'p1', { fleet: bare });
  await stranger.start(readStartRequest({ model: MODEL, to: '2', plan: { steps: STEPS, shadow: SHADOW } }), 'local');
  await sleep(60);
  assert.equal((await current()).state, 'preparing');
  await open(world, 'p2', { ...ports, fleet });
  while ((await current()).state === 'preparing') await sleep(5);
  assert.equal((await current()).state, 'shadowing');
});

test('a process that stops while the candidate is loaded does not fail the rollout', async () => {
  const world = new RolloutWorld({ 1: {}, 2: {} });
  await addVersions(book, ['1', '2']);
  const { fleet, ...ports } = world.ports();
  const loads: string[] = [];
  const stopping = {
    ...fleet,
    isServing: (model: string, version: string) => fleet.isServing(model, version),
    ensureLoaded: (_model: string, version: string) => {
      loads.push(version);
      return Promise.reject(new PlinthError({ code: 'cancelled', message: 'Plinth stops before it was ready.' }));
    },
  };
  const engine = await open(world, 'p1', { ...ports, fleet: stopping });
  await engine.start(readStartRequest({ model: MODEL, to: '2' }), 'local');
  while (loads.length < 2) await sleep(5);
  await engine.close();
  engines = [];
  assert.equal((await current()).state, 'preparing');
});
