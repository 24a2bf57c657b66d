import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test, type TestContext } from 'node:test';
import Fastify from 'fastify';
import { PlinthError } from '../core/errors/index.ts';
import type { Observation } from '../core/messages/index.ts';
import type { FeedbackRecord, VersionRecord } from '../core/records/index.ts';
import { createLogger } from '../core/telemetry/index.ts';
import { openBook, type Book } from './book/index.ts';
import {
  armsOf,
  chooseExperimentTraffic,
  openExperimentEngine,
  registerExperimentRoutes,
  type ExperimentEngine,
} from './experiments/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'experiments-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const logger = createLogger({ level: 'silent' });
const PLAN = {
  arms: [
    { name: 'a', version: '1' },
    { name: 'b', version: '2' },
  ],
  metric: 'duration',
  minimumEffect: 0.2,
  sticky: { by: 'request' },
};

function version(number: string): VersionRecord {
  return { model: 'chat', version: number, settings: { engine: 'echo' }, madeBy: 'added', addedBy: 'local', addedAt: 1 };
}

async function open(t: TestContext, { home = mkdtempSync(join(folder, 'h-')), holder = 'one', now = () => Date.now() } = {}) {
  const book: Book = await openBook({ home });
  const engine = await openExperimentEngine({ book, holder, logger, now, tickMs: 1e6 });
  t.after(async () => {
    await engine.close();
    await book.close();
  });
  return { book, engine, home };
}

async function openWithVersions(t: TestContext, options: Parameters<typeof open>[1] = {}) {
  const opened = await open(t, options);
  for (const number of ['1', '2']) {
    const audit = { actor: 'local', action: 'version.added', subject: `chat:${number}`, detail: {} };
    await opened.book.change({ audit, addVersion: version(number) });
  }
  return opened;
}

let requests = 0;

function observation(id: string, arm: string, rest: Partial<Observation> = {}): Observation {
  requests += 1;
  const purpose = { kind: 'experiment', id } as const;
  const at = 1_000;
  const unit = `u${requests}`;
  const requestId = `r${requests}`;
  return {
    requestId,
    keyId: 'k',
    model: 'chat',
    version: arm === 'a' ? '1' : '2',
    arm,
    purpose,
    unit,
    at,
    outcome: 'ok',
    totalMs: 100,
    ...rest,
  };
}

/** As many answers of both arms, the second slower by a factor. */
function feed(
  engines: readonly ExperimentEngine[],
  id: string,
  { count, factor = 1 }: { readonly count: number; readonly factor?: number },
): void {
  for (let index = 0; index < count; index += 1)
    for (const arm of ['a', 'b']) {
      const totalMs = (100 + ((index * 37) % 50)) * (arm === 'b' ? factor : 1);
      engines[index % engines.length]?.observe(observation(id, arm, { totalMs }));
    }
}

const isCode = (code: string) => (error: unknown) => error instanceof PlinthError && error.code === code;

test('an experiment pins the line to its control, gives its arms and hears of a better one', async (t) => {
  const { book, engine } = await openWithVersions(t);
  const { id, state, conclusion } = await engine.start({ model: 'chat', plan: PLAN }, 'k1');
  assert.equal(state, 'running');
  assert.match(conclusion, /^no difference can be told yet: a has 0 answers/);
  const { lines, experiments } = await book.readReleases();
  assert.deepEqual(lines[0]?.traffic.weights, { 1: 1 });
  const [record] = experiments;
  assert.ok(record);
  assert.deepEqual(armsOf(record), [
    { name: 'a', version: '1', weight: 1 },
    { name: 'b', version: '2', weight: 1 },
  ]);
  assert.deepEqual(chooseExperimentTraffic(record)?.sticky, { by: 'request' });
  feed([engine], id, { count: 300, factor: 0.7 });
  await engine.tick();
  const document = await engine.status(id);
  assert.match(document.conclusion, /^b is better: its duration of an answer is 30 % lower \(between/);
  const compared = document.arms[1]?.versusControl;
  assert.ok(compared && compared.p < 0.05 && compared.high < 0 && compared.low <= compared.difference);
  assert.deepEqual(
    document.arms.map(({ requests: seen, assigned }) => [seen, assigned]),
    [
      [300, 300],
      [300, 300],
    ],
  );
  assert.ok(document.isDecided && document.followsWeights);
  const stopped = await engine.stop(id, { actor: 'k1', reason: 'seen enough' });
  assert.equal(stopped.state, 'stopped');
  assert.equal(stopped.reason, 'seen enough');
  assert.match(stopped.conclusion, /^b is better/);
  assert.equal(chooseExperimentTraffic({ ...record, state: 'stopped' }), undefined);
  const audit = await book.readAudit({ after: 0, most: 100 });
  assert.deepEqual(
    audit.slice(-2).map(({ action, actor }) => [action, actor]),
    [
      ['experiment.started', 'k1'],
      ['experiment.stopped', 'k1'],
    ],
  );
});

test('equal arms show no difference, and many answers say that there is none that matters', async (t) => {
  const { engine } = await openWithVersions(t);
  const { id } = await engine.start({ model: 'chat', plan: PLAN }, 'k1');
  feed([engine], id, { count: 60 });
  const early = await engine.status(id);
  assert.match(early.conclusion, /^no difference can be told yet|^b is no different/);
  feed([engine], id, { count: 1_500 });
  assert.match((await engine.status(id)).conclusion, /^b is no different by 20 % or more/);
});

test('what two processes have seen adds up, whoever adds first and however often', async (t) => {
  const one = await openWithVersions(t);
  const two = await open(t, { home: one.home, holder: 'two' });
  const { id } = await one.engine.start({ model: 'chat', plan: PLAN }, 'k1');
  feed([one.engine, two.engine], id, { count: 100 });
  for (let round = 0; round < 5; round += 1) await Promise.all([one.engine.tick(), two.engine.tick()]);
  feed([two.engine, one.engine], id, { count: 50 });
  for (let round = 0; round < 5; round += 1) await Promise.all([two.engine.tick(), one.engine.tick()]);
  for (const { engine } of [one, two]) {
    const { arms } = await engine.status(id);
    assert.deepEqual(
      arms.map(({ requests: seen, measured, assigned }) => [seen, measured, assigned]),
      [
        [150, 150, 150],
        [150, 150, 150],
      ],
    );
  }
});

test('a part whose write was answered with a failure is not added twice', async (t) => {
  const { book, engine: idle } = await openWithVersions(t);
  await idle.close();
  let failures = 2;
  const shaky = new Proxy(book, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (name !== 'noteExperimentEvidence' || typeof value !== 'function') return value;
      return async (...parts: unknown[]) => {
        await Reflect.apply(value, target, parts);
        failures -= 1;
        if (failures >= 0) throw new PlinthError({ code: 'model_unavailable', message: 'the answer was lost' });
      };
    },
  });
  const engine = await openExperimentEngine({ book: shaky, holder: 'shaky', logger, tickMs: 1e6 });
  t.after(() => engine.close());
  const { id } = await engine.start({ model: 'chat', plan: PLAN }, 'k1');
  feed([engine], id, { count: 40 });
  for (let round = 0; round < 4; round += 1) await engine.tick();
  const [record] = await book.listExperiments('chat', 1);
  assert.match(JSON.stringify(record?.evidence), /"requests":40.*"requests":40/);
  assert.deepEqual(
    (await engine.status(id)).arms.map(({ requests: seen }) => seen),
    [40, 40],
  );
});

test('a guard that breaks ends the experiment by itself', async (t) => {
  const { book, engine } = await openWithVersions(t);
  const { id } = await engine.start({ model: 'chat', plan: PLAN }, 'k1');
  for (let index = 0; index < 30; index += 1) {
    engine.observe(observation(id, 'a', { unit: 'alice' }));
    engine.observe(observation(id, 'b', { unit: 'bob', outcome: 'failed' }));
  }
  await engine.tick();
  const document = await engine.status(id);
  assert.equal(document.state, 'stopped');
  assert.match(document.reason, /^b breaks the guard errors: 30 of 30 answers/);
  assert.equal((await book.readAudit({ after: 0, most: 100 })).at(-1)?.actor, 'autopilot');
});

test('answers of one busy caller are no proof, however many they are', async (t) => {
  const { engine } = await openWithVersions(t);
  const { id } = await engine.start({ model: 'chat', plan: { ...PLAN, sticky: { by: 'caller' } } }, 'k1');
  for (let index = 0; index < 2_000; index += 1) {
    engine.observe(observation(id, 'a', { unit: 'alice', totalMs: 100 }));
    engine.observe(observation(id, 'b', { unit: 'bob', totalMs: 300 }));
  }
  const { arms, conclusion } = await engine.status(id);
  assert.equal(arms[1]?.versusControl?.state, 'not-enough-data');
  assert.match(conclusion, /2000 answers of units in 1 groups, 15 groups are needed/);
});

test('units that are dealt out otherwise than by weight make the result untrustworthy', async (t) => {
  const { engine } = await openWithVersions(t);
  const { id } = await engine.start({ model: 'chat', plan: PLAN }, 'k1');
  for (let index = 0; index < 400; index += 1) engine.observe(observation(id, index % 4 === 0 ? 'b' : 'a'));
  await engine.tick();
  const { followsWeights, conclusion } = await engine.status(id);
  assert.equal(followsWeights, false);
  assert.match(conclusion, /^units were not dealt out as the weights say/);
});

test('feedback is joined to the unit of its answer and counted once', async (t) => {
  const { book, engine } = await openWithVersions(t);
  const plan = { ...PLAN, metric: 'feedback', feedbackMetric: 'resolved' };
  const { id } = await engine.start({ model: 'chat', plan }, 'k1');
  const answers = Array.from({ length: 120 }, (_, index) => ({
    requestId: `f${index}`,
    model: 'chat',
    version: index % 2 === 0 ? '1' : '2',
    arm: index % 2 === 0 ? 'a' : 'b',
    purposeId: id,
    unit: `unit ${index >> 1}`,
    at: 1,
  }));
  await book.noteAnswers(answers);
  for (const { unit: _, ...answer } of answers) {
    const feedback: FeedbackRecord = { ...answer, metric: 'resolved', score: answer.arm === 'b' ? 1 : 0 };
    await book.addFeedback(feedback);
    await book.addFeedback({ ...feedback, metric: 'style', score: 0.5 });
  }
  await engine.tick();
  await engine.tick();
  const { arms, conclusion } = await engine.status(id);
  assert.deepEqual(
    arms.map(({ measured, mean }) => [measured, mean]),
    [
      [60, 0],
      [60, 1],
    ],
  );
  assert.match(conclusion, /^b is better: its mean feedback is 1 higher/);
});

test('an experiment ends after its answers or its minutes', async (t) => {
  let now = 1_000;
  const { engine } = await openWithVersions(t, { now: () => now });
  const first = await engine.start({ model: 'chat', plan: { ...PLAN, mostRequests: 20 } }, 'k1');
  feed([engine], first.id, { count: 10 });
  await engine.tick();
  assert.match((await engine.status(first.id)).reason, /has had its 20 answers/);
  const second = await engine.start({ model: 'chat', plan: { ...PLAN, mostMinutes: 5 } }, 'k1');
  await engine.tick();
  assert.equal((await engine.status(second.id)).state, 'running');
  now += 5 * 60_000;
  await engine.tick();
  assert.match((await engine.status(second.id)).reason, /5 minutes are over/);
});

test('what cannot be an experiment is refused with the reason', async (t) => {
  const { book, engine } = await openWithVersions(t);
  const start = (plan: object, model = 'chat') => engine.start({ model, plan: { ...PLAN, ...plan } }, 'k1');
  await assert.rejects(start({ arms: PLAN.arms.slice(0, 1) }), isCode('invalid_request'));
  await assert.rejects(start({ arms: [...PLAN.arms, { name: 'a', version: '3' }] }), /arms need different names/);
  await assert.rejects(start({ control: 'z' }), /control must be the name of an arm/);
  await assert.rejects(start({ patience: 1 }), isCode('invalid_request'));
  await assert.rejects(start({}, 'nobody'), isCode('model_not_found'));
  await assert.rejects(start({ arms: [...PLAN.arms, { name: 'c', version: '9' }] }), isCode('version_not_found'));
  await start({});
  await assert.rejects(start({}), isCode('conflict'));
  await assert.rejects(engine.status('x_none'), isCode('not_found'));
  assert.equal((await book.readReleases()).experiments.length, 1);
});

test('of two that start at the same moment one is refused', async (t) => {
  const one = await openWithVersions(t);
  const two = await open(t, { home: one.home, holder: 'two' });
  const started = await Promise.allSettled([one, two].map(({ engine }) => engine.start({ model: 'chat', plan: PLAN }, 'k1')));
  assert.deepEqual(started.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected']);
});

test('observations of an experiment that is not known yet are kept until it is', async (t) => {
  const one = await openWithVersions(t);
  const two = await open(t, { home: one.home, holder: 'two' });
  const { id } = await one.engine.start({ model: 'chat', plan: PLAN }, 'k1');
  two.engine.observe(observation(id, 'a'));
  two.engine.observe(observation('x_other', 'a'));
  await two.engine.tick();
  await two.engine.tick();
  assert.equal((await one.engine.status(id)).arms[0]?.requests, 1);
});

test('the management port starts, lists, shows and stops experiments and pages through assignments', async (t) => {
  const { engine } = await openWithVersions(t);
  const app = Fastify();
  app.setErrorHandler((error, _request, reply) =>
    error instanceof PlinthError ? reply.code(error.status).send({ error: error.facts }) : reply.code(500).send(String(error)),
  );
  registerExperimentRoutes(app, engine, { actorOf: () => 'k1' });
  t.after(() => app.close());
  const post = (url: string, payload?: object) => app.inject({ method: 'POST', url, ...(payload && { payload }) });
  const created = await post('/plinth/v1/experiments', { model: 'chat', ...PLAN });
  assert.equal(created.statusCode, 201);
  const { id } = created.json<{ id: string }>();
  feed([engine], id, { count: 3 });
  await engine.tick();
  const path = `/plinth/v1/experiments/${id}`;
  assert.equal((await app.inject(path)).json<{ startedBy: string }>().startedBy, 'k1');
  const listed = (await app.inject('/plinth/v1/experiments?model=chat')).json<{ experiments: object[] }>();
  assert.equal(listed.experiments.length, 1);
  const page = (await app.inject(`${path}/assignments?most=4`)).json<{ assignments: object[]; next: number }>();
  const rest = (await app.inject(`${path}/assignments?most=4&after=${page.next}`)).json<{
    assignments: object[];
    next?: number;
  }>();
  assert.deepEqual([page.assignments.length, rest.assignments.length, rest.next], [4, 2, undefined]);
  const lines = await app.inject({ url: `${path}/assignments`, headers: { accept: 'application/x-ndjson' } });
  assert.equal(lines.body.trim().split('\n').length, 6);
  assert.equal((await post(`${path}/stop`, { reason: 'done' })).json<{ reason: string }>().reason, 'done');
  assert.equal((await post(`${path}/stop`, { why: 'x' })).statusCode, 400);
  assert.equal((await post('/plinth/v1/experiments', { ...PLAN })).statusCode, 400);
  assert.equal((await app.inject('/plinth/v1/experiments/x_none')).statusCode, 404);
});
