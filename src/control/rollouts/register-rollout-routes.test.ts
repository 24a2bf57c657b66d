import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { addVersions, MODEL, RolloutWorld } from '../../../tests/support/rollout-world.ts';
import { configSchema } from '../../core/config/index.ts';
import { createLogger } from '../../core/telemetry/index.ts';
import { openBook, type Book } from '../book/index.ts';
import { openManagementPort, type ManagementPort } from '../management/index.ts';
import type { RolloutDocument, RolloutExplanation } from './describe-rollout.ts';
import { registerRolloutRoutes } from './register-rollout-routes.ts';
import { openRolloutEngine, type RolloutEngine } from './rollout-engine.ts';

const logger = createLogger({ level: 'silent' });
let home: string;
let book: Book;
let engine: RolloutEngine;
let port: ManagementPort;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'rollout-routes-'));
  book = await openBook({ home });
  await addVersions(book, ['1', '2']);
  const world = new RolloutWorld({ 1: {}, 2: {} });
  engine = await openRolloutEngine({ book, holder: 'p1', logger, pace: { tickMs: 20, leastTickMs: 2 }, ...world.ports() });
  port = await openManagementPort({
    config: configSchema.parse({ managementPort: 0 }),
    keyring: { verify: () => undefined },
    localToken: 'token',
    logger,
    mount: (app) => registerRolloutRoutes(app, engine),
  });
});

afterEach(async () => {
  await port.close();
  await engine.close();
  await book.close();
  rmSync(home, { recursive: true, force: true });
});

interface Answer<T> {
  readonly status: number;
  readonly body: T & { readonly error: { readonly code: string; readonly message: string } };
}

async function call<T = object>(method: 'GET' | 'POST', path: string, body?: object): Promise<Answer<T>> {
  const response = await fetch(`${port.url}/plinth/v1/${path}`, {
    method,
    headers: { authorization: 'Bearer token', ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Answer<T>['body'] };
}

async function until(state: string): Promise<RolloutDocument> {
  for (;;) {
    const { body } = await call<RolloutDocument>('GET', `rollouts/${MODEL}`);
    if (body.state === state) return body;
    await sleep(10);
  }
}

test('a rollout is started, looked at by id or model, paused with a reason, resumed and aborted', async () => {
  const started = await call<RolloutDocument>('POST', 'rollouts', {
    model: MODEL,
    to: 2,
    strategy: 'shadow,canary',
    plan: { shadow: { comparisons: 30 } },
  });
  assert.equal(started.status, 201);
  assert.deepEqual(
    started.body.steps.map(({ name }) => name),
    ['prepare', 'shadow', 'canary 1 %', 'canary 5 %', 'canary 25 %', 'canary 50 %', 'canary 100 %', 'promoted'],
  );
  const { id } = started.body;
  const shadowing = await until('shadowing');
  assert.equal(shadowing.id, id);
  assert.deepEqual(
    shadowing.steps.slice(0, 3).map(({ state }) => state),
    ['done', 'current', 'next'],
  );
  assert.deepEqual(shadowing.steps[1]?.needed, { count: 30, of: 'comparisons', minutes: 0 });
  assert.equal(shadowing.missing[0], '30 more comparisons');
  const paused = await call<RolloutDocument>('POST', `rollouts/${id}/pause`, { reason: 'lunch' });
  assert.equal(paused.body.paused, 'lunch');
  const why = await call<RolloutExplanation>('GET', `rollouts/${id}/why`);
  assert.match(why.body.headline, /lunch$/);
  assert.match(why.body.next, /'resume', 'promote' or 'abort'/);
  assert.equal((await call<RolloutDocument>('POST', `rollouts/${MODEL}/resume`)).body.paused, undefined);
  const aborted = await call<RolloutDocument>('POST', `rollouts/${id}/abort`);
  assert.equal(aborted.body.state, 'aborted');
  assert.deepEqual(
    aborted.body.history.map(({ action, actor }) => `${action} ${actor}`),
    [
      'rollout.started local',
      'rollout.advanced autopilot',
      'rollout.paused local',
      'rollout.resumed local',
      'rollout.aborted local',
    ],
  );
  assert.deepEqual(
    aborted.body.steps.slice(0, 3).map(({ state }) => state),
    ['done', 'current', 'skipped'],
  );
});

test('rollouts are listed, also of one model', async () => {
  await call('POST', 'rollouts', { model: MODEL, to: 2 });
  assert.equal((await call<{ rollouts: object[] }>('GET', 'rollouts')).body.rollouts.length, 1);
  assert.equal((await call<{ rollouts: object[] }>('GET', 'rollouts?model=other')).body.rollouts.length, 0);
});

test('the audit log is read page by page', async () => {
  const first = await call<{ entries: { sequence: number }[] }>('GET', 'audit?most=1');
  const next = await call<{ entries: { sequence: number }[] }>('GET', 'audit?after=1&most=500');
  assert.deepEqual(
    [...first.body.entries, ...next.body.entries].map(({ sequence }) => sequence),
    [1, 2],
  );
});

const refused: ReadonlyArray<
  readonly [method: 'GET' | 'POST', path: string, body: object | undefined, status: number, words: RegExp]
> = [
  ['POST', 'rollouts', { model: MODEL, to: 3 }, 404, /no version 3; it has 1, 2/],
  ['POST', 'rollouts', { model: MODEL, to: 2, plan: { step: [] } }, 400, /plan\.step: there is no such field/],
  ['GET', 'rollouts/nothing', undefined, 404, /no rollout 'nothing'/],
  ['POST', 'rollouts/nothing/promote', undefined, 404, /no rollout 'nothing'/],
  ['GET', 'rollouts?modle=x', undefined, 400, /modle/],
  ['GET', 'audit?most=100000', undefined, 400, /most/],
  ['GET', 'audit?after=-1', undefined, 400, /after/],
];

for (const [method, path, body, status, words] of refused) {
  test(`${method} ${path} with ${JSON.stringify(body)} is refused with ${status}`, async () => {
    const answer = await call(method, path, body);
    assert.equal(answer.status, status);
    assert.match(answer.body.error.message, words);
  });
}
