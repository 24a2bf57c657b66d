import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { findPostgres, startPostgres, type TestPostgres } from '../support/postgres.ts';
import { formatMs, Gateway, until } from './gateways.ts';

const MAIN = resolve(import.meta.dirname, '../../src/cli/plinth.ts');
const programs = findPostgres();
/** Far beyond what is measured; the numbers are in the diagnostics. */
const GENEROUS_MS = 10_000;

describe('two gateways on one PostgreSQL', { skip: programs === undefined ? 'no PostgreSQL on this machine' : false }, () => {
  let cluster: TestPostgres;
  let databaseUrl: string;
  let gateways: readonly Gateway[] = [];
  let env: Readonly<Record<string, string>>;
  const [a, b] = [() => gateways[0] ?? assert.fail(), () => gateways[1] ?? assert.fail()];
  const run = (home: string, ...words: readonly string[]) =>
    spawnSync(process.execPath, [MAIN, ...words, '--home', home], {
      env: { PATH: process.env['PATH'], ...env },
      encoding: 'utf8',
      timeout: 60_000,
    });
  before(async () => {
    if (programs === undefined) return;
    cluster = await startPostgres({ programs });
    databaseUrl = await cluster.createDatabase();
    env = { PLINTH_DATABASE_URL: databaseUrl };
    const config = { models: [{ name: 'chat', engine: 'echo' }] };
    gateways = await Promise.all([Gateway.start({ config, env }), Gateway.start({ config, env })]);
  });
  after(async () => {
    await Promise.all(gateways.map((gateway) => gateway.remove()));
    await cluster?.remove();
  });

  test('both say which book they have, and record the model that both are configured with once', async () => {
    for (const gateway of gateways) {
      assert.deepEqual((await gateway.status()).book, { kind: 'postgresql', isStale: false });
      assert.equal(await gateway.metric('plinth_book_stale'), 0);
      const { versions } = await gateway.ask<{ versions: readonly unknown[] }>('versions?model=chat');
      assert.equal(versions.length, 1);
    }
    assert.notEqual((await a().status()).holder, (await b().status()).holder);
  });

  test('a version that is added at one is loaded by both', async () => {
    await a().ask('versions', { model: 'chat', settings: { engine: 'echo' } });
    for (const gateway of gateways) await until('2 loaded', async () => (await gateway.readyVersions('chat')).length === 1);
    await a().ask('traffic', { model: 'chat', traffic: { weights: { 1: 1, 2: 0 }, sticky: { by: 'request' } } });
    for (const gateway of gateways) await until('1 and 2 loaded', async () => (await gateway.readyVersions('chat')).length === 2);
    for (const gateway of gateways) assert.equal((await gateway.chat('chat')).version, 'chat:1');
  });

  test('weights and aliases that are changed at one are in force at the other', async (t) => {
    const weights: number[] = [];
    const aliases: number[] = [];
    for (let round = 0; round < 10; round++) {
      const [here, there] = round % 2 === 0 ? [a(), b()] : [b(), a()];
      const version = round % 2 === 0 ? '2' : '1';
      await here.ask('traffic', { model: 'chat', traffic: { weights: { 1: 0, 2: 0, [version]: 1 } } });
      weights.push(await until('the weight', async () => (await there.chat('chat')).version === `chat:${version}`, 1));
      await here.ask('aliases', { model: 'chat', set: { stable: version } });
      const answers = async () => (await there.post('/v1/chat/completions', chatWith('chat@stable'))).headers;
      aliases.push(await until('the alias', async () => (await answers()).get('x-plinth-version') === `chat:${version}`, 1));
    }
    t.diagnostic(`weights in force at the other gateway after ${formatMs(weights)} ms, aliases after ${formatMs(aliases)} ms`);
    assert.ok(Math.max(...weights, ...aliases) < GENEROUS_MS);
  });

  test('a key that is made in one home opens both, and none once it is revoked in the other', async () => {
    const made = run(a().home, 'keys', 'create', '--json');
    assert.equal(made.status, 0, made.stderr);
    const { id, key } = JSON.parse(made.stdout) as { id: string; key: string };
    const statusOf = async (gateway: Gateway) => (await gateway.post('/v1/chat/completions', chatWith('chat'), key)).status;
    for (const gateway of gateways) await until('the key is good', async () => (await statusOf(gateway)) === 200);
    const revoked = run(b().home, 'keys', 'revoke', id);
    assert.equal(revoked.status, 0, revoked.stderr);
    for (const gateway of gateways) await until('the key is useless', async () => (await statusOf(gateway)) === 401);
  });

  test('feedback that is given at one is joined to the answer of the other', async () => {
    await a().ask('traffic', { model: 'chat', traffic: { weights: { 1: 1, 2: 0 } } });
    const arms = [
      { name: 'x', version: '1' },
      { name: 'y', version: '2' },
    ];
    const plan = { model: 'chat', arms, metric: 'feedback', sticky: { by: 'request' } };
    const { id } = await a().ask<{ id: string }>('experiments', plan);
    for (const gateway of gateways) await until('an arm', async () => (await gateway.chat('chat')).arm !== '');
    for (const [here, there] of [
      [a(), b()],
      [b(), a()],
    ] as const) {
      for (let n = 0; n < 8; n++) {
        const { requestId, arm } = await here.chat('chat');
        const give = () => there.post('/v1/feedback', { request_id: requestId, score: arm === 'y' });
        await until('the answer is known at the other', async () => (await give()).status === 202);
      }
    }
    type Arm = { readonly name: string; readonly requests: number; readonly measured: number; readonly mean: number };
    const seen = async () => (await b().ask<{ arms: readonly Arm[] }>(`experiments/${id}`)).arms;
    await until('all is counted', async () => {
      const arms = await seen();
      return sumOf(arms.map(({ measured }) => measured)) === 16 && sumOf(arms.map(({ requests }) => requests)) >= 16;
    });
    for (const { name, mean } of await seen()) assert.equal(mean, name === 'y' ? 1 : 0);
    assert.equal((await b().post('/v1/feedback', { request_id: 'nobody', score: 1 })).status, 404);
    await b().ask(`experiments/${id}/stop`, { reason: 'done' });
  });

  test('the address of the database is in no log, argument list, worker or answer', async () => {
    const { json } = await a().tryAsking('status');
    const doctor = run(a().home, 'doctor', '--json');
    const printed = run(a().home, 'config', 'print');
    const wrong = spawnSync(process.execPath, [MAIN, 'keys', 'ls', '--home', join(a().home, 'none')], {
      env: { PATH: process.env['PATH'], PLINTH_DATABASE_URL: databaseUrl.replace(/book\d+/, 'nowhere') },
      encoding: 'utf8',
    });
    assert.notEqual(wrong.status, 0);
    assert.match(wrong.stderr, /the database refuses the connection \(SQLSTATE 3D000\)/);
    const told: Readonly<Record<string, string>> = {
      log: gateways.map(({ log }) => log).join('\n'),
      status: JSON.stringify(json),
      doctor: `${doctor.stdout}${doctor.stderr}`,
      print: `${printed.stdout}${printed.stderr}`,
      wrong: `${wrong.stdout}${wrong.stderr}`,
      processes: execFileSync('ps', ['-eo', 'args', '-ww'], { encoding: 'utf8' }),
      ...Object.fromEntries(gateways.flatMap(({ pid }) => childrenOf(pid)).map((pid) => [`worker ${pid}`, environmentOf(pid)])),
    };
    for (const { pid } of gateways) assert.ok(childrenOf(pid).length > 0);
    for (const [place, text] of Object.entries(told)) {
      assert.ok(!text.includes(databaseUrl) && !text.includes(cluster.password), `the address is in ${place}`);
    }
    assert.match(told['doctor'] ?? '', /PostgreSQL \d+.*schema \d+, answers in \d+ ms/);
    assert.match(told['print'] ?? '', /urlVariable: PLINTH_DATABASE_URL {2}# is set: the book is in that database/);
  });
});

function chatWith(model: string): object {
  return { model, messages: [{ role: 'user', content: 'Hello' }] };
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

function childrenOf(pid: number): readonly number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  );
}

function environmentOf(pid: number): string {
  const environment = readFileSync(`/proc/${pid}/environ`, 'utf8');
  assert.ok(environment.includes('PATH='));
  return environment;
}
