import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { beginChats, formatMs, Gateway, until } from './gateways.ts';

/** Far beyond what is measured; the numbers are in the diagnostics. */
const GENEROUS_MS = 10_000;
const NO_JUDGES = Object.fromEntries(
  'errors timeouts refusals firstToken interToken duration tokensOut cost similarity perplexity structure golden preference feedback drift brokenOutputs'
    .split(' ')
    .map((judge) => [judge, null]),
);

/** What a change waits for the lock; an answer must not. */
const LOCK_WAIT_MS = 5_000;

interface Rollout {
  readonly id: string;
  readonly state: string;
}

describe('two gateways on the SQLite of one home', () => {
  let home: string;
  let gateways: readonly Gateway[] = [];
  const [a, b] = [() => gateways[0] ?? assert.fail(), () => gateways[1] ?? assert.fail()];
  const openFile = () => new DatabaseSync(join(home, 'plinth.db'));
  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'plinth-shared-'));
    const options = { config: { models: [{ name: 'chat', engine: 'echo' }] }, env: {}, home };
    gateways = await Promise.all([Gateway.start(options), Gateway.start(options)]);
  });
  after(async () => {
    for (const gateway of gateways) await gateway.kill();
    await rm(home, { recursive: true, force: true });
  });

  test('that start at once on a new home record its model once', async () => {
    for (const gateway of gateways) {
      assert.deepEqual((await gateway.status()).book, { kind: 'sqlite', isStale: false });
      const { versions } = await gateway.ask<{ versions: readonly unknown[] }>('versions?model=chat');
      assert.equal(versions.length, 1);
    }
  });

  test('have weights that are changed at one in force at both', async (t) => {
    await a().ask('versions', { model: 'chat', settings: { engine: 'echo' } });
    await a().ask('traffic', { model: 'chat', traffic: { weights: { 1: 1, 2: 0 }, sticky: { by: 'request' } } });
    for (const gateway of gateways) await until('both versions', async () => (await gateway.readyVersions('chat')).length === 2);
    const [here, there]: [number[], number[]] = [[], []];
    for (let round = 0; round < 10; round++) {
      const version = round % 2 === 0 ? '2' : '1';
      const startedAt = performance.now();
      await a().ask('traffic', { model: 'chat', traffic: { weights: { 1: 0, 2: 0, [version]: 1 } } });
      await until('the weight here', async () => (await a().chat('chat')).version === `chat:${version}`, 1);
      here.push(performance.now() - startedAt);
      await until('the weight there', async () => (await b().chat('chat')).version === `chat:${version}`, 1);
      there.push(performance.now() - startedAt);
    }
    t.diagnostic(
      `from command to answer by the new weight: here ${formatMs(here)} ms, at the other process ${formatMs(there)} ms`,
    );
    assert.ok(Math.max(...here, ...there) < GENEROUS_MS);
  });

  test('have one leader of a rollout, and the other when that one is killed', async () => {
    const plan = { strategy: ['canary'], steps: [{ percent: 50, requests: 40 }], judges: NO_JUDGES };
    const { id } = await a().ask<Rollout>('rollouts', { model: 'chat', to: '2', plan });
    const database = openFile();
    const lease = () =>
      database.prepare('SELECT holder, token FROM leases WHERE name = ?').get(`rollout:${id}`) as
        { readonly holder: string; readonly token: number } | undefined;
    await until('a leader', () => lease() !== undefined);
    const holders = await Promise.all(gateways.map(async (gateway) => (await gateway.status()).holder));
    const at = holders.indexOf(lease()?.holder ?? '');
    const [leader, other] = [gateways[at] ?? assert.fail(), gateways[1 - at] ?? assert.fail()];
    await leader.kill();
    const load = beginChats(other, 'chat');
    await until('promotion', async () => (await other.ask<Rollout>(`rollouts/${id}`)).state === 'promoted');
    await load.stop();
    assert.deepEqual(load.failures, []);
    assert.deepEqual({ ...lease() }, { holder: holders[1 - at], token: 2 });
    const gaps = database.prepare('SELECT count(*) AS entries, max(sequence) AS newest FROM audit').get();
    assert.equal(gaps?.['entries'], gaps?.['newest']);
    database.close();
    await leader.start();
    await until('the new version', async () => (await leader.chat('chat')).version === 'chat:2');
  });

  test('start and answer while another process has the book locked, and say so to those who want a change', async (t) => {
    const arms = ['1', '2'].map((version) => ({ name: `v${version}`, version }));
    const { id } = await a().ask<{ id: string }>('experiments', { model: 'chat', arms, metric: 'errors' });
    for (const gateway of gateways) await until('an arm', async () => (await gateway.chat('chat')).arm !== '');
    const database = openFile();
    database.exec('BEGIN IMMEDIATE');
    try {
      await b().kill();
      await b().start();
      const slowest = await Promise.all(gateways.map(slowestChat));
      t.diagnostic(`slowest answer while the book is locked: ${formatMs(slowest)} ms`);
      assert.ok(Math.max(...slowest) < LOCK_WAIT_MS);
      const { status, json } = await b().tryAsking('aliases', { model: 'chat', set: { later: '1' } });
      assert.equal(status, 503);
      assert.match(JSON.stringify(json), /plinth\.db is locked by another process and was not free within 5 s/);
    } finally {
      database.exec('ROLLBACK');
      database.close();
    }
    await b().ask(`experiments/${id}/stop`, {});
    await b().ask('traffic', { model: 'chat', traffic: { weights: { 1: 1 } } });
    for (const gateway of gateways) await until('the weight', async () => (await gateway.chat('chat')).version === 'chat:1');
  });
});

async function slowestChat(gateway: Gateway): Promise<number> {
  let slowestMs = 0;
  const beganAt = performance.now();
  while (performance.now() - beganAt < 1_500) {
    const startedAt = performance.now();
    await gateway.chat('chat');
    slowestMs = Math.max(slowestMs, performance.now() - startedAt);
  }
  return slowestMs;
}
