import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { findPostgres, startPostgres, type TestPostgres } from '../support/postgres.ts';
import { beginChats, formatMs, Gateway, until } from './gateways.ts';

const MAIN = resolve(import.meta.dirname, '../../src/cli/plinth.ts');
const programs = findPostgres();

interface Failure {
  readonly error: { readonly code: string; readonly message: string };
}

describe('a database that is gone', { skip: programs === undefined ? 'no PostgreSQL on this machine' : false }, () => {
  let cluster: TestPostgres;
  let env: Readonly<Record<string, string>>;
  let gateways: readonly Gateway[] = [];
  let key = '';
  const [a, b] = [() => gateways[0] ?? assert.fail(), () => gateways[1] ?? assert.fail()];
  const run = (...words: readonly string[]) =>
    spawnSync(process.execPath, [MAIN, ...words, '--home', b().home], {
      env: { PATH: process.env['PATH'], ...env },
      encoding: 'utf8',
      timeout: 60_000,
    });
  const weigh = (gateway: Gateway, version: string) =>
    gateway.ask('traffic', { model: 'chat', traffic: { weights: { 1: 0, 2: 0, [version]: 1 } } });
  const whenStale = (gateway: Gateway, isStale: boolean) =>
    until(`stale is ${isStale}`, async () => (await gateway.status()).book.isStale === isStale);
  before(async () => {
    if (programs === undefined) return;
    cluster = await startPostgres({ programs, fsync: 'on' });
    env = { PLINTH_DATABASE_URL: await cluster.createDatabase() };
    const config = { models: [{ name: 'chat', engine: 'echo' }] };
    gateways = await Promise.all([Gateway.start({ config, env }), Gateway.start({ config, env })]);
    key = run('keys', 'create').stdout.trim();
    await a().ask('versions', { model: 'chat', settings: { engine: 'echo' } });
    await a().ask('aliases', { model: 'chat', set: { next: '2' } });
    await weigh(a(), '1');
    for (const gateway of gateways) await until('both versions', async () => (await gateway.readyVersions('chat')).length === 2);
  });
  after(async () => {
    await cluster?.start();
    await Promise.all(gateways.map((gateway) => gateway.remove()));
    await cluster?.remove();
  });

  for (const [how, before, later] of [
    ['fast', '1', '2'],
    ['kill', '2', '1'],
  ] as const) {
    test(`(${how}) keeps nobody from an answer, refuses changes in words, and is found again`, async (t) => {
      for (const gateway of gateways)
        await until('the weight', async () => (await gateway.chat('chat')).version === `chat:${before}`);
      const loads = gateways.map((gateway) => beginChats(gateway, 'chat'));
      await until('answers', () => loads.every(({ versions }) => versions.length > 10));
      await cluster.stop(how);
      for (const gateway of gateways) {
        await whenStale(gateway, true);
        assert.equal(await gateway.metric('plinth_book_stale'), 1);
        const { status, json } = await gateway.tryAsking('traffic', { model: 'chat', traffic: { weights: { 2: 1 } } });
        assert.equal(status, 503);
        const { code, message } = (json as Failure).error;
        assert.equal(code, 'model_unavailable');
        assert.match(message, /database of the book cannot be reached .*changes are refused until it is back/);
      }
      const seen = loads.map(({ versions }) => versions.length);
      await until('more answers', () => loads.every(({ versions }, index) => versions.length > (seen[index] ?? 0) + 20));
      await cluster.start();
      const back = await Promise.all(gateways.map((gateway) => whenStale(gateway, false)));
      await weigh(b(), later);
      const seenAfter = await Promise.all(
        gateways.map((gateway) =>
          until('the new weight', async () => (await gateway.chat('chat')).version === `chat:${later}`, 1),
        ),
      );
      t.diagnostic(`found again after ${formatMs(back)} ms, a change was in force after ${formatMs(seenAfter)} ms`);
      for (const load of loads) {
        await load.stop();
        assert.deepEqual(load.failures, []);
      }
    });
  }

  test('lets a gateway start that remembers keys, versions, aliases and weights, and no other', async () => {
    await weigh(a(), '1');
    for (const gateway of gateways) await until('the weight', async () => (await gateway.chat('chat', key)).version === 'chat:1');
    const load = beginChats(a(), 'chat');
    // What was learnt is on the disk within a second.
    const memoryFile = join(b().home, 'state', 'book-memory.json');
    await until('what is remembered', () => readFileSync(memoryFile, 'utf8').includes('\\"1\\":1'));
    await cluster.stop('kill');
    await b().kill();
    const remembered = readFileSync(memoryFile, 'utf8');
    writeFileSync(memoryFile, remembered.replace('\\"next\\":\\"2\\"', '\\"next\\":\\"1\\"'));
    assert.notEqual(readFileSync(memoryFile, 'utf8'), remembered);
    await assert.rejects(
      b().start(),
      /book-memory\.json, is not used: its signature is wrong\. Delete it, or start when the database/,
    );
    writeFileSync(memoryFile, remembered);
    await b().start({ models: ['chat', 'more'].map((name) => ({ name, engine: 'echo' })) });
    assert.deepEqual((await b().status()).book, { kind: 'postgresql', isStale: true });
    assert.equal((await b().chat('chat', key)).version, 'chat:1');
    await until('version 2', async () => (await b().readyVersions('chat')).length === 2);
    assert.equal((await b().chat('chat@next', key)).version, 'chat:2');
    assert.equal((await b().post('/v1/chat/completions', {}, 'plk_nobody_000000000000000000000000000')).status, 401);
    const made = run('keys', 'create');
    assert.notEqual(made.status, 0);
    assert.match(made.stderr, /database of the book cannot be reached .*changes are refused/);
    assert.match(run('doctor').stdout, /fail {2}book +the database cannot be reached \(ECONNREFUSED\)/);
    rmSync(join(a().home, 'state'), { recursive: true });
    await cluster.start();
    for (const gateway of gateways) await whenStale(gateway, false);
    await weigh(a(), '2');
    for (const gateway of gateways)
      await until('the new weight', async () => (await gateway.chat('chat', key)).version === 'chat:2');
    await until('what the configuration has named meanwhile', async () => (await b().readyVersions('more')).length === 1);
    await load.stop();
    assert.deepEqual(load.failures, []);
  });
});
