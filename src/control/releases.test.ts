import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import Fastify from 'fastify';
import { z } from 'zod';
import { PlinthError } from '../core/errors/index.ts';
import { createLogger } from '../core/telemetry/index.ts';
import { rolloutRecord } from '../../tests/support/release-contents.ts';
import { openBook, type Book } from './book/index.ts';
import {
  registerPlanRoutes,
  registerReleaseRoutes,
  ReleaseBoard,
  ReleasePlanner,
  Releases,
  type ComparisonStarts,
} from './releases/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'releases-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const ECHO = { engine: 'echo' };
const logger = createLogger({ level: 'silent' });
const startsNothing: ComparisonStarts = {
  startRollout: () => Promise.reject(new PlinthError({ code: 'conflict', message: 'not now' })),
  startExperiment: () => Promise.resolve({ id: 'e_1' }),
};

async function open(t: TestContext, { starts = startsNothing, home = mkdtempSync(join(folder, 'h-')) } = {}) {
  const book: Book = await openBook({ home });
  const board = await ReleaseBoard.open({ book, logger, pollMs: 20 });
  t.after(async () => {
    board.close();
    await book.close();
  });
  const ports = { knownModels: () => ['folder'], servingVersion: () => undefined, versionsOfExperiment: () => [] };
  const isOfFolder = (model: string) => model === 'folder';
  const releases = new Releases({ book, ...ports, isOfFolder, onChanged: () => board.refresh() });
  const forms = {
    rolloutPlan: z.strictObject({ minutes: z.number().default(1) }),
    experimentPlan: z.strictObject({ arms: z.array(z.string()) }),
  };
  const planner = new ReleasePlanner({ releases, ...ports, forms, starts });
  const app = Fastify();
  const actorOf = () => 'k1';
  app.setErrorHandler((error, _request, reply) =>
    error instanceof PlinthError ? reply.code(error.status).send({ error: error.facts }) : reply.code(500).send(String(error)),
  );
  registerReleaseRoutes(app, releases, {
    board,
    actorOf,
    statesOf: () => [{ version: '1', state: 'ready', why: 'policy latest 1' }],
  });
  registerPlanRoutes(app, planner, { actorOf });
  const ask = async (method: 'GET' | 'POST', url: string, payload?: object) => {
    const response = await app.inject({ method, url, ...(payload && { payload }) });
    return { status: response.statusCode, body: response.json<Answer>() };
  };
  return { book, board, releases, planner, ask, home };
}

interface Answer {
  readonly [key: string]: unknown;
  readonly error?: { readonly code: string; readonly message: string };
}

const add = { model: 'chat', settings: ECHO, actor: 'local' };

test('a version added beside another is held, and what is written is audited', async (t) => {
  const { book, releases, board } = await open(t);
  await releases.addVersion(add);
  const { version, isHeld } = await releases.addVersion({ ...add, actor: 'k7', parent: '1' });
  assert.deepEqual([version.version, isHeld], ['2', true]);
  assert.deepEqual(board.current().lines[0]?.traffic.weights, { '1': 1 });
  const audit = await book.readAudit({ after: 0, most: 10 });
  assert.deepEqual(
    audit.map(({ actor, action, subject }) => [actor, action, subject]),
    [
      ['local', 'version.added', 'chat:1'],
      ['k7', 'version.added', 'chat:2'],
    ],
  );
});

test('commands that are given at once are all carried out, also after one that is refused', async (t) => {
  const { releases, book } = await open(t);
  const orders = Array.from({ length: 20 }, (_, i) => (i === 3 ? { ...add, settings: { slots: 'x' } } : add));
  const added = await Promise.allSettled(orders.map((order) => releases.addVersion(order)));
  const numbers = added.flatMap((one) => (one.status === 'fulfilled' ? [Number(one.value.version.version)] : []));
  assert.deepEqual(
    numbers,
    Array.from({ length: 19 }, (_, i) => i + 1),
  );
  assert.equal((await book.readReleases()).lines[0]?.revision, 19);
});

const ADDER = `
import { openBook } from './book/index.ts';
import { Releases } from './releases/index.ts';
const book = await openBook({ home: process.argv[1] });
const releases = new Releases({ book, knownModels: () => [], servingVersion: () => undefined, versionsOfExperiment: () => [] });
for (let i = 0; i < 5; i++) await releases.addVersion({ model: 'chat', settings: { engine: 'echo' }, actor: 'local' });
await book.close();
`;

test('two processes that add at once get different numbers', async (t) => {
  const { book, home } = await open(t);
  const adder = () =>
    promisify(execFile)(process.execPath, ['--input-type=module', '-e', ADDER, home], { cwd: import.meta.dirname });
  await Promise.all([adder(), adder()]);
  const versions = await book.listVersions('chat');
  assert.deepEqual(
    versions.map(({ version }) => Number(version)).toSorted((a, b) => a - b),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
  );
});

test('a change made for an older revision is refused and not repeated', async (t) => {
  const { releases, book } = await open(t);
  const { line } = await releases.addVersion(add);
  await releases.changeAliases({ model: 'chat', set: { stable: '1' }, actor: 'local', revision: line.revision });
  await assert.rejects(releases.setPolicy({ model: 'chat', policy: { latest: 2 }, actor: 'local', revision: line.revision }), {
    message: /at revision 2, and the change was made on top of 1/,
  });
  assert.deepEqual((await book.readReleases()).lines[0]?.policy, { latest: 1 });
});

test('a removed version gives its number to nobody', async (t) => {
  const { releases, board } = await open(t);
  await releases.addVersion(add);
  await releases.addVersion(add);
  await releases.removeVersion({ model: 'chat', version: '2', actor: 'local' });
  assert.deepEqual(
    board.current().versions.map(({ version }) => version),
    ['1'],
  );
  assert.equal((await releases.addVersion(add)).version.version, '3');
  const all = await releases.listVersions('chat');
  assert.deepEqual(
    all.map(({ version, removedAt }) => [version, removedAt !== undefined]),
    [
      ['1', false],
      ['2', true],
      ['3', false],
    ],
  );
});

test('what the configuration says is adopted once, and a change of it is the next version', async (t) => {
  const { releases, board } = await open(t);
  const adopt = async (reference: string) =>
    (await releases.adoptConfigured([{ model: 'chat', reference, settings: {} }])).map(({ outcome, version }) => [
      outcome,
      version,
    ]);
  assert.deepEqual(await adopt('a'), [['added', '1']]);
  assert.deepEqual(await adopt('a'), [['unchanged', '1']]);
  assert.deepEqual(await adopt('./b.gguf'), [['added', '2']]);
  assert.deepEqual(await adopt(`file:${join(process.cwd(), 'b.gguf')}`), [['unchanged', '2']]);
  assert.deepEqual(await adopt('file:b.gguf'), [['unchanged', '2']]);
  await releases.addVersion({ model: 'chat', reference: 'c', settings: {}, actor: 'local' });
  await releases.setTraffic({ model: 'chat', traffic: { weights: { '3': 1 } }, actor: 'local' });
  assert.deepEqual(await adopt('d'), [['held', '4']]);
  assert.deepEqual(board.current().lines[0]?.traffic.weights, { '3': 1 });
});

test('a change by one process reaches the board of another', async (t) => {
  const one = await open(t);
  const other = await open(t, { home: one.home });
  const told = new Promise<void>((resolve) => void other.board.subscribe(() => resolve()));
  await one.releases.addVersion(add);
  await told;
  assert.equal(other.board.current().versions.length, 1);
});

const FILE = `
models:
  chat:
    versions:
      1: { engine: echo }
      2: { engine: echo, slots: 2, parent: 1 }
    policy: { latest: 2 }
    aliases: { stable: 1, next: 2 }
    traffic: { weights: { 1: 9, 2: 1 }, fallback: [1] }
  other:
    versions:
      1: { source: smollm2 }
`;

test('a file is planned, applied, and then there is nothing left to do', async (t) => {
  const { ask, board } = await open(t);
  const plan = await ask('POST', '/plinth/v1/plan', { file: FILE });
  assert.equal(plan.status, 200, JSON.stringify(plan.body));
  const steps = plan.body['steps'] as readonly { action: string; subject: string }[];
  assert.deepEqual(
    steps.map(({ action, subject }) => `${action} ${subject}`),
    [
      'add-version chat:1',
      'add-version chat:2',
      'add-version other:1',
      'set-policy chat',
      'move-aliases chat',
      'set-traffic chat',
    ],
  );
  assert.equal(board.current().versions.length, 0);
  const applied = await ask('POST', '/plinth/v1/apply', { file: FILE, digest: plan.body['digest'] });
  assert.equal(applied.status, 200, JSON.stringify(applied.body));
  assert.deepEqual(board.current().lines.find(({ model }) => model === 'chat')?.traffic.weights, { '1': 9, '2': 1 });
  assert.deepEqual((await ask('POST', '/plinth/v1/plan', { file: FILE })).body['steps'], []);
});

test('a plan that the releases have left behind is refused, and nothing is done', async (t) => {
  const { ask, releases, board } = await open(t);
  await releases.addVersion({ model: 'chat', settings: ECHO, actor: 'local' });
  const { body } = await ask('POST', '/plinth/v1/plan', { file: FILE });
  await releases.changeAliases({ model: 'chat', set: { stable: '1' }, actor: 'local' });
  const { revision } = board.current();
  const refused = await ask('POST', '/plinth/v1/apply', { file: FILE, digest: body['digest'] });
  assert.deepEqual([refused.status, refused.body.error?.code], [409, 'stale_revision']);
  assert.equal(board.current().revision, revision);
});

test('a change of something else leaves a plan as it is', async (t) => {
  const { ask, releases } = await open(t);
  const { body } = await ask('POST', '/plinth/v1/plan', { file: FILE });
  await releases.addVersion({ model: 'third', settings: ECHO, actor: 'local' });
  assert.equal((await ask('POST', '/plinth/v1/apply', { file: FILE, digest: body['digest'] })).status, 200);
});

test('a step that fails stops the rest, what was done is told, and applying again goes on', async (t) => {
  let isReady = false;
  const started: unknown[] = [];
  const starts: ComparisonStarts = {
    ...startsNothing,
    startRollout: (order, actor) => {
      if (!isReady) return Promise.reject(new PlinthError({ code: 'conflict', message: 'not now' }));
      started.push([order, actor]);
      return Promise.resolve({ id: 'r_9' });
    },
  };
  const { ask, board } = await open(t, { starts });
  const file = {
    models: {
      a: { versions: { 1: ECHO, 2: { ...ECHO, slots: 3 } }, rollout: { to: 2, strategy: 'shadow', plan: { minutes: 3 } } },
      b: { versions: { 1: ECHO }, experiment: { arms: ['x'] } },
    },
  };
  const failed = await ask('POST', '/plinth/v1/apply', { file });
  assert.deepEqual([failed.status, failed.body.error], [409, { code: 'conflict', message: 'not now' }]);
  assert.equal((failed.body['done'] as unknown[]).length, 3);
  assert.equal((failed.body['failed'] as { action: string }).action, 'start-rollout');
  assert.equal((failed.body['remaining'] as unknown[]).length, 1);
  assert.deepEqual(board.current().lines.find(({ model }) => model === 'a')?.traffic.weights, { '1': 1 });
  isReady = true;
  const again = await ask('POST', '/plinth/v1/apply', { file });
  assert.equal(again.status, 200);
  assert.deepEqual(
    (again.body['done'] as { action: string; id?: string }[]).map(({ action, id }) => [action, id]),
    [
      ['start-rollout', 'r_9'],
      ['start-experiment', 'e_1'],
    ],
  );
  assert.deepEqual(started, [[{ model: 'a', to: '2', plan: { minutes: 3, strategy: ['shadow'] } }, 'k1']]);
});

test('a file whose rollout has ended is left at that', async (t) => {
  const { ask, releases, book, board } = await open(t);
  for (const slots of [1, 2]) await releases.addVersion({ ...add, settings: { ...ECHO, slots } });
  const audit = { actor: 'autopilot', action: 'rollout.rolled-back', subject: 'r_1', detail: {} };
  await book.change({ audit, rollout: rolloutRecord({ state: 'rolled-back', reason: 'worse answers', endedAt: 5 }) });
  await board.refresh();
  const { body } = await ask('POST', '/plinth/v1/plan', { file: { models: { chat: { rollout: { to: 2 } } } } });
  assert.deepEqual(body['steps'], []);
  assert.match(String(body['notes']), /r_1, rolled-back: worse answers/);
});

test('versions, aliases, traffic and policy are changed and read over the management port', async (t) => {
  const { ask } = await open(t);
  const first = await ask('POST', '/plinth/v1/versions', { model: 'org/chat', source: 'smollm2', settings: { slots: 2 } });
  assert.equal(first.status, 201);
  assert.equal(first.body['isHeld'], false);
  const second = await ask('POST', '/plinth/v1/versions', {
    model: 'org/chat',
    source: 'https://u:p@h/m.gguf?key=1',
    version: 5,
  });
  assert.equal(second.body['isHeld'], true);
  assert.doesNotMatch(JSON.stringify(second.body), /u:p|key=1/);
  for (const [path, body] of [
    ['aliases', { set: { stable: 5 } }],
    ['traffic', { traffic: { weights: { '1': 1, '5': 1 } } }],
    ['policy', { policy: { all: true } }],
  ] as const)
    assert.equal((await ask('POST', `/plinth/v1/${path}`, { model: 'org/chat', ...body })).status, 200);
  const { body } = await ask('GET', '/plinth/v1/lines?model=org/chat');
  const [line] = body['lines'] as Record<string, unknown>[];
  assert.deepEqual(line?.['aliases'], { stable: '5' });
  assert.deepEqual(line['policy'], { all: true });
  const versions = line['versions'] as { version: string; state: string; weight: number; aliases: string[] }[];
  assert.deepEqual(
    versions.map(({ version, state, weight, aliases }) => [version, state, weight, aliases]),
    [
      ['5', 'unloaded', 1, ['stable']],
      ['1', 'ready', 1, []],
    ],
  );
  const refused = await ask('POST', '/plinth/v1/versions/remove', { model: 'org/chat', version: 5 });
  assert.match(refused.body.error?.message ?? '', /alias stable; a weight of 1/);
  await ask('POST', '/plinth/v1/aliases', { model: 'org/chat', remove: ['stable'] });
  await ask('POST', '/plinth/v1/traffic', { model: 'org/chat', traffic: { weights: { '1': 1, '5': 0 } } });
  assert.equal((await ask('POST', '/plinth/v1/versions/remove', { model: 'org/chat', version: 5, force: true })).status, 200);
  const listed = (await ask('GET', '/plinth/v1/versions?model=org/chat')).body['versions'] as {
    version: string;
    state: string;
  }[];
  assert.deepEqual(
    listed.map(({ version, state }) => [version, state]),
    [
      ['1', 'ready'],
      ['5', 'removed'],
    ],
  );
});

const refusals: ReadonlyArray<
  readonly [method: 'GET' | 'POST', url: string, body: object | undefined, status: number, words: RegExp]
> = [
  ['GET', '/plinth/v1/lines?model=nobody', undefined, 404, /No version of a model 'nobody'/],
  ['GET', '/plinth/v1/versions', undefined, 400, /Name the model/],
  ['GET', '/plinth/v1/lines?modle=x', undefined, 400, /unknown field "modle"; did you mean model/],
  ['POST', '/plinth/v1/versions', {}, 400, /model: /],
  ['POST', '/plinth/v1/versions', { model: 'a', settings: {}, sorce: 'x' }, 400, /unknown field "sorce"; did you mean source/],
  ['POST', '/plinth/v1/aliases', { model: 'a', set: { stable: 1 } }, 404, /No version of a model 'a'/],
  ['POST', '/plinth/v1/plan', { file: 'models: [' }, 400, /not valid YAML, line 1/],
  ['POST', '/plinth/v1/apply', { file: 'models: {}', digest: 'x' }, 400, /digest/],
];
test('requests that are not right are refused with the field at fault', async (t) => {
  const { ask } = await open(t);
  for (const [method, url, body, status, words] of refusals) {
    const refused = await ask(method, url, body);
    assert.equal(refused.status, status, `${url} ${JSON.stringify(refused.body)}`);
    assert.match(refused.body.error?.message ?? '', words);
  }
});

test('code and secrets of this machine are refused from a key on every way in, and nothing is written', async (t) => {
  const { book, ask } = await open(t);
  const evil = { engine: 'llama', library: '/tmp/evil' };
  const added = await ask('POST', '/plinth/v1/versions', { model: 'chat', source: 'smollm2', settings: evil });
  const file = { models: { chat: { versions: { 1: { ...ECHO }, 2: { ...evil, source: 'smollm2' } } } } };
  const planned = await ask('POST', '/plinth/v1/plan', { file });
  const applied = await ask('POST', '/plinth/v1/apply', { file });
  for (const { status, body } of [added, planned, applied]) {
    assert.equal(status, 403);
    assert.equal(body.error?.code, 'permission_denied');
    assert.match(body.error.message, /library names code that would run on this machine/);
  }
  assert.deepEqual((await book.readReleases()).versions, []);
});

test('a name whose folder numbers its versions gets none from the book', async (t) => {
  const { ask } = await open(t);
  const { status, body } = await ask('POST', '/plinth/v1/versions', { model: 'folder', settings: ECHO });
  assert.equal(status, 409);
  assert.match(body.error?.message ?? '', /are those of its folder/);
});

test('names that every object has are taken like others as aliases', async (t) => {
  const { releases, ask } = await open(t);
  await releases.addVersion(add);
  const file = { models: { chat: { aliases: { constructor: 1, toString: 1 } } } };
  const { body } = await ask('POST', '/plinth/v1/plan', { file });
  assert.match(JSON.stringify(body['steps']), /constructor → 1, toString → 1/);
  await ask('POST', '/plinth/v1/apply', { file });
  const again = await ask('POST', '/plinth/v1/plan', { file });
  assert.deepEqual(again.body['steps'], []);
  const gone = await ask('POST', '/plinth/v1/aliases', { model: 'chat', remove: ['valueOf'] });
  assert.equal(gone.body.error?.code, 'not_found');
});

test('a configuration that cannot be recorded because there are too many versions leaves everything as it is', async (t) => {
  const { book, releases } = await open(t);
  for (let version = 1; version <= 256; version++)
    await book.change({
      audit: { actor: 'local', action: 'version.added', subject: `chat:${version}`, detail: {} },
      addVersion: { model: 'chat', version: `${version}`, settings: ECHO, madeBy: 'added', addedBy: 'local', addedAt: 1 },
    });
  const [chat, other] = await releases.adoptConfigured([
    { model: 'chat', settings: { engine: 'echo', slots: 2 } },
    { model: 'other', settings: ECHO },
  ]);
  assert.deepEqual([chat?.outcome, other?.outcome], ['refused', 'added']);
  assert.match(chat?.words ?? '', /256 versions, the most there may be/);
});
