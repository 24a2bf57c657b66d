import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { findPostgres, startPostgres, type TestPostgres } from '../../../tests/support/postgres.ts';
import { checkDatabaseUrl, openBook, probeBook } from './index.ts';

const programs = findPostgres();
let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'plinth-probe-'));
});
afterEach(() => rm(home, { recursive: true }));

describe('a look at a book in a file', () => {
  const filePath = () => join(home, 'plinth.db');

  test('makes no file where there is none', async () => {
    assert.match((await probeBook(home, undefined)).detail, /^SQLite, .*plinth\.db, made at the first start$/);
    assert.equal(existsSync(filePath()), false);
  });

  test('tells the schema, and of one that is newer what to do', async () => {
    await (await openBook({ home })).close();
    const before = await readFile(filePath());
    assert.match((await probeBook(home, undefined)).detail, /schema \d+$/);
    assert.deepEqual(await readFile(filePath()), before);
    const database = new DatabaseSync(filePath());
    database.exec('INSERT INTO migrations (version, applied_at) VALUES (999, 0)');
    database.close();
    assert.match((await probeBook(home, undefined)).obstacle ?? '', /use a newer release/);
  });

  test('tells why it cannot be read', async () => {
    await writeFile(filePath(), 'not a database '.repeat(1_000));
    const { detail, obstacle } = await probeBook(home, undefined);
    assert.match(`${detail} ${obstacle}`, /plinth\.db cannot be read: .* restore it, or move it away/);
  });
});

describe('a look at a shared book', { skip: programs === undefined ? 'no PostgreSQL on this machine' : false }, () => {
  let cluster: TestPostgres;
  before(async () => {
    if (programs !== undefined) cluster = await startPostgres({ programs });
  });
  after(() => cluster?.remove());

  test('makes no table, and tells the schema once there is one', async () => {
    const url = await cluster.createDatabase();
    for (let look = 0; look < 2; look++)
      assert.match((await probeBook(home, url)).detail, /^PostgreSQL \d\S*, no book yet, answers/);
    await (await openBook({ home, databaseUrl: url })).close();
    const { detail, obstacle } = await probeBook(home, url);
    assert.match(detail, /^PostgreSQL \d\S*, schema \d+, answers in \d+ ms$/);
    assert.equal(obstacle, undefined);
    await cluster.execute('INSERT INTO plinth.migrations (version, applied_at) VALUES (999, 0)', url);
    assert.match((await probeBook(home, url)).obstacle ?? '', /use a newer release/);
  });

  test('tells what stands in the way: encoding, rights', async () => {
    const latin = await cluster.createDatabase(`ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`);
    assert.match((await probeBook(home, latin)).obstacle ?? '', /its encoding is LATIN1/);
    const url = await cluster.createDatabase();
    await cluster.execute(`CREATE ROLE guest LOGIN PASSWORD '${cluster.password}'`);
    const guest = url.replace('//plinth:', '//guest:');
    assert.match((await probeBook(home, guest)).obstacle ?? '', /grant it CREATE/);
    await cluster.execute(`GRANT CREATE ON DATABASE ${new URL(url).pathname.slice(1)} TO guest`);
    assert.equal((await probeBook(home, guest)).obstacle, undefined);
    await (await openBook({ home, databaseUrl: guest })).close();
  });

  test('tells of a database that is gone or refuses, and nothing of its address', async () => {
    const url = await cluster.createDatabase();
    const failing: readonly (readonly [string, object])[] = [
      [url.replace(/:\d+\//, ':1/'), { code: 'model_unavailable', message: 'the database cannot be reached (ECONNREFUSED)' }],
      [url.replace(cluster.password, 'wrong'), { code: 'internal_error', message: /refuses the connection \(SQLSTATE 28P01\)$/ }],
      ['mysql://a', { code: 'invalid_request', message: /must begin with postgres:/ }],
    ];
    for (const [address, expected] of failing) await assert.rejects(probeBook(home, address), expected);
    await assert.rejects(checkDatabaseUrl('mysql://a'), { code: 'invalid_request' });
    await checkDatabaseUrl(url);
  });
});
