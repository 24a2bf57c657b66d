import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { findPostgres, startPostgres, type TestPostgres } from '../support/postgres.ts';
import { checkBook } from './check-book.ts';
import { beginChats, Gateway, until, type Load } from './gateways.ts';

const programs = findPostgres();
const NO_JUDGES = Object.fromEntries(
  'timeouts refusals firstToken interToken duration tokensOut cost similarity perplexity structure golden preference feedback drift brokenOutputs'
    .split(' ')
    .map((judge) => [judge, null]),
);

interface Rollout {
  readonly id: string;
  readonly state: string;
  readonly percent: number;
  readonly isRunning: boolean;
  readonly counts?: Readonly<Record<string, number>>;
  readonly history: ReadonlyArray<{ readonly state: string; readonly percent: number; readonly action: string }>;
}

describe('the leader of a rollout', { skip: programs === undefined ? 'no PostgreSQL on this machine' : false }, () => {
  let cluster: TestPostgres;
  let databaseUrl: string;
  let database: Client;
  let gateways: readonly Gateway[] = [];
  let loads: Load[] = [];
  let newest = 1;
  before(async () => {
    if (programs === undefined) return;
    cluster = await startPostgres({ programs });
    databaseUrl = await cluster.createDatabase();
    const options = { config: { models: [{ name: 'chat', engine: 'echo' }] }, env: { PLINTH_DATABASE_URL: databaseUrl } };
    gateways = await Promise.all([Gateway.start(options), Gateway.start(options)]);
    database = new Client(databaseUrl);
    await database.connect();
  });
  afterEach(async () => {
    for (const load of loads) await load.stop();
    loads = [];
  });
  after(async () => {
    await database?.end();
    await Promise.all(gateways.map((gateway) => gateway.remove()));
    await cluster?.remove();
  });
  const load = (gateway: Gateway, pauseMs?: number): Load => {
    const begun = beginChats(gateway, 'chat', pauseMs);
    loads.push(begun);
    return begun;
  };
  const start = async (gateway: Gateway, requests: readonly number[]): Promise<Rollout> => {
    await gateway.ask('versions', { model: 'chat', settings: { engine: 'echo' } });
    await gateway.ask('traffic', { model: 'chat', traffic: { sticky: { by: 'request' } } });
    newest += 1;
    const plan = {
      strategy: ['canary'],
      steps: requests.map((count, index) => ({ percent: 20 + 30 * index, requests: count })),
      judges: { ...NO_JUDGES, errors: 0.5 },
      leastObservations: 1,
    };
    return gateway.ask<Rollout>('rollouts', { model: 'chat', to: String(newest), plan });
  };
  const leaseOf = async ({ id }: Rollout): Promise<{ holder: string; token: number }> => {
    const { rows } = await database.query<{ holder: string; token: string }>(
      'SELECT holder, token FROM plinth.leases WHERE name = $1 AND expires_at > extract(epoch from clock_timestamp()) * 1000',
      [`rollout:${id}`],
    );
    return { holder: rows[0]?.holder ?? '', token: Number(rows[0]?.token ?? 0) };
  };
  const roles = async (rollout: Rollout): Promise<{ leader: Gateway; other: Gateway }> => {
    await until('somebody leads', async () => (await leaseOf(rollout)).token > 0);
    const { holder } = await leaseOf(rollout);
    const holders = await Promise.all(gateways.map(async (gateway) => (await gateway.status()).holder));
    const at = holders.indexOf(holder);
    assert.ok(at >= 0, `${holder} is one of ${holders.join(' and ')}`);
    return { leader: gateways[at] ?? assert.fail(), other: gateways[1 - at] ?? assert.fail() };
  };
  const statusAt = (gateway: Gateway, { id }: Rollout) => gateway.ask<Rollout>(`rollouts/${id}`);

  test('is one of two, and the answers of both count', async () => {
    const rollout = await start(gateways[0] ?? assert.fail(), [15, 60]);
    const { leader, other } = await roles(rollout);
    const elsewhere = load(other);
    await until('the second step', async () => (await statusAt(leader, rollout)).percent >= 50);
    await elsewhere.stop();
    const here = load(leader);
    await until('promotion', async () => (await statusAt(other, rollout)).state === 'promoted');
    await here.stop();
    for (const gateway of gateways)
      await until('the new version', async () => (await gateway.chat('chat')).version === `chat:${newest}`);
    assert.deepEqual([...elsewhere.failures, ...here.failures], []);
    await checkBook(databaseUrl, 'chat');
  });

  test('is followed by the other when it is killed', async (t) => {
    const rollout = await start(gateways[0] ?? assert.fail(), [40, 20, 20]);
    const { leader, other } = await roles(rollout);
    const [atLeader, atOther] = [load(leader), load(other)];
    await until('the canary', async () => (await statusAt(other, rollout)).percent > 0);
    const { token } = await leaseOf(rollout);
    assert.ok((await statusAt(other, rollout)).isRunning);
    await leader.kill();
    const takenMs = await until('the other leads', async () => (await leaseOf(rollout)).token > token);
    t.diagnostic(`a killed leader was followed after ${takenMs.toFixed(0)} ms`);
    await atLeader.stop();
    await until('promotion', async () => (await statusAt(other, rollout)).state === 'promoted');
    await leader.start();
    for (const gateway of gateways)
      await until('the new version', async () => (await gateway.chat('chat')).version === `chat:${newest}`);
    assert.deepEqual(atOther.failures, []);
    await checkBook(databaseUrl, 'chat');
  });

  test('is no leader any more when it has been stopped for longer than its lease', async (t) => {
    const rollout = await start(gateways[1] ?? assert.fail(), [60, 20, 20]);
    const { leader, other } = await roles(rollout);
    const atOther = load(other);
    await until('the canary', async () => (await statusAt(other, rollout)).percent > 0);
    const atLeader = load(leader);
    await delay(300);
    const { token } = await leaseOf(rollout);
    leader.signal('SIGSTOP');
    const takenMs = await until('the other leads', async () => (await leaseOf(rollout)).token > token);
    const after = await leaseOf(rollout);
    assert.equal(after.holder, (await other.status()).holder);
    leader.signal('SIGCONT');
    t.diagnostic(`a stopped leader was followed after ${takenMs.toFixed(0)} ms`);
    await until('promotion', async () => {
      const { holder, token: newest } = await leaseOf(rollout);
      assert.ok(newest === 0 || (holder === after.holder && newest === after.token), 'the lease stays where it went');
      return (await statusAt(other, rollout)).state === 'promoted';
    });
    await until('both know', async () => (await statusAt(leader, rollout)).state === 'promoted');
    assert.deepEqual([...atOther.failures, ...atLeader.failures], []);
    await checkBook(databaseUrl, 'chat');
  });

  test('and whoever else is killed at any moment leave a rollout that goes on', async (t) => {
    const rollout = await start(gateways[0] ?? assert.fail(), [60, 60]);
    const moments: string[] = [];
    for (const victim of [1, 0]) {
      const [dying, living] = [gateways[victim] ?? assert.fail(), gateways[1 - victim] ?? assert.fail()];
      const [atDying, atLiving] = [load(dying, 50), load(living, 50)];
      await delay(Math.random() * 700);
      await dying.kill();
      await atDying.stop();
      await dying.start();
      await atLiving.stop();
      assert.deepEqual(atLiving.failures, []);
      const { state, percent } = await statusAt(living, rollout);
      moments.push(`${state} ${percent.toFixed(0)} %`);
      await checkBook(databaseUrl, 'chat');
    }
    t.diagnostic(`after each kill: ${moments.join(', ')}`);
    const all = gateways.map((gateway) => load(gateway));
    for (const gateway of gateways) await until('promotion', async () => (await statusAt(gateway, rollout)).state === 'promoted');
    assert.deepEqual(
      all.flatMap(({ failures }) => failures),
      [],
    );
    await checkBook(databaseUrl, 'chat');
  });
});
