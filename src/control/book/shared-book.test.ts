import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';
import { findPostgres, startPostgres, type TestPostgres } from '../../../tests/support/postgres.ts';
import { hasCode } from '../../core/files/index.ts';
import type { LineRecord, ModelRecord } from '../../core/records/index.ts';
import { openBook, type Book } from './index.ts';
import { auditDigest } from './records/index.ts';

const programs = findPostgres();

const audit = { actor: 'local', action: 'line.changed', subject: 'chat', detail: {} };
const line: LineRecord = {
  model: 'chat',
  policy: { all: true },
  aliases: {},
  traffic: { weights: {}, sticky: { by: 'caller' }, rules: [], fallback: [] },
  revision: 1,
};
const version = { model: 'chat', version: '1', settings: {}, madeBy: 'added', addedBy: 'local', addedAt: 1 };
const model: ModelRecord = {
  name: 'smollm2',
  reference: 'smollm2',
  engine: 'llama',
  task: 'generate',
  sha256: 'ab'.repeat(32),
  bytes: 1,
  source: 'hf:org/repo/file.gguf',
  addedAt: 1,
  fileModifiedAtMs: 1,
};
const key = { id: 'k1', label: 'one', role: 'admin', hash: 'aa', createdAt: 1 } as const;

describe('a shared book', { skip: programs === undefined ? 'no PostgreSQL on this machine' : false, timeout: 120_000 }, () => {
  let cluster: TestPostgres;
  let home: string;
  let databaseUrl: string;
  before(async () => {
    if (programs !== undefined) cluster = await startPostgres({ programs, fsync: 'on' });
  });
  after(() => cluster?.remove());
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'plinth-book-'));
    await cluster.start();
    databaseUrl = await cluster.createDatabase();
  });
  afterEach(() => rm(home, { recursive: true, force: true }));
  const open = () => openBook({ home, databaseUrl });
  const memoryFile = () => join(home, 'state', 'book-memory.json');

  for (const how of ['fast', 'kill'] as const) {
    test(`a database that is stopped (${how}) under load loses nothing acknowledged and is found again`, async () => {
      const books = [await open(), await open()];
      const load = books.map((book, index) => startLoad(book, `m${index}`));
      try {
        await until(() => load.every(({ acknowledged }) => acknowledged.length >= 20));
        await cluster.stop(how);
        await until(() => load.every(({ refused }) => refused.count >= 5));
        const seen = load.map(({ acknowledged }) => acknowledged.length);
        assert.ok(books.every((book) => book.isStale()));
        await cluster.start();
        await until(() => load.every(({ acknowledged }, index) => acknowledged.length > (seen[index] ?? 0) + 5));
        assert.ok(books.every((book) => !book.isStale()));
      } finally {
        for (const one of load) await one.stop();
      }
      for (const { failures } of load) assert.deepEqual(failures, []);
      await assertWhole(
        books,
        load.flatMap(({ acknowledged }) => acknowledged),
      );
      for (const book of books) await book.close();
    });
  }

  test('without the database reads go on from memory, changes are refused and no lease is given', async () => {
    const book = await open();
    await fill(book);
    const before = await readAll(book);
    const lease = (await book.takeLease('rollout:r_1', 'one', 60_000)) ?? assert.fail();
    await cluster.stop('kill');
    try {
      assert.deepEqual(await readAll(book), before);
      assert.equal(book.isStale(), true);
      const refusals = [
        book.addKey({ ...key, id: 'k2' }),
        book.putModel(model),
        book.change({ audit }),
        book.noteRolloutEvidence({ id: 'r_1', evidence: {}, verdicts: {} }, lease),
        book.noteAnswers([{ requestId: 'a', model: 'chat', version: '1', arm: '', purposeId: '', unit: '', at: 1 }]),
        book.readAudit({ after: 0, most: 1 }),
      ];
      for (const refusal of refusals)
        await assert.rejects(refusal, {
          name: 'PlinthError',
          code: 'model_unavailable',
          message: /cannot be reached.*last known/,
        });
      assert.equal(await book.takeLease('rollout:r_1', 'one', 60_000), undefined);
      await book.giveLease(lease);
    } finally {
      await cluster.start();
    }
    await until(() => !book.isStale());
    assert.equal(await book.change({ audit }), 2);
    await book.close();
  });

  test('a process that starts without the database serves from the signed file and catches up by itself', async () => {
    const first = await open();
    await fill(first);
    const before = await readAll(first);
    await first.close();
    await cluster.stop('fast');
    let changes = 0;
    let book: Book | undefined;
    try {
      book = await open();
      book.watchReleases(() => changes++);
      assert.equal(book.isStale(), true);
      assert.deepEqual(await readAll(book), before);
      await assert.rejects(book.change({ audit }), { code: 'model_unavailable' });
    } finally {
      await cluster.start();
    }
    await until(() => changes > 0);
    assert.equal(book.isStale(), false);
    const other = await open();
    await other.change({ audit, line: { ...line, revision: 2 } });
    await until(() => changes > 1);
    assert.equal((await book.readReleases()).lines[0]?.revision, 2);
    await book.close();
    await other.close();
  });

  test('a remembered state that was touched is refused and never used', async () => {
    const first = await open();
    await fill(first);
    await first.close();
    const kept = await readFile(memoryFile(), 'utf8');
    const parsed = JSON.parse(kept) as { signature: string; content: string };
    const touched: readonly (readonly [string, RegExp])[] = [
      [
        JSON.stringify({ ...parsed, content: parsed.content.replace('"role":"admin"', '"role":"inference"') }),
        /signature is wrong/,
      ],
      [JSON.stringify({ ...parsed, signature: 'ab'.repeat(32) }), /signature is wrong/],
      [JSON.stringify({ ...parsed, more: 1 }), /malformed/],
      [kept.slice(0, -20), /malformed/],
      ['', /malformed/],
      ['null', /malformed/],
    ];
    await cluster.stop('fast');
    try {
      for (const [text, message] of touched) {
        assert.notEqual(text, kept);
        await writeFile(memoryFile(), text);
        await assert.rejects(open(), { name: 'PlinthError', code: 'internal_error', message });
      }
      await writeFile(memoryFile(), kept);
      await (await open()).close();
      await writeFile(join(home, 'secrets', 'book-memory.key'), Buffer.alloc(32, 7));
      await assert.rejects(open(), { code: 'internal_error', message: /signature is wrong/ });
    } finally {
      await cluster.start();
    }
    await (await open()).close();
    assert.notEqual(await readFile(memoryFile(), 'utf8'), kept);
  });

  test('a home that remembers nothing, or another database, does not start without the database', async () => {
    const first = await open();
    await fill(first);
    await first.close();
    const other = await cluster.createDatabase();
    const empty = join(home, 'empty');
    await cluster.stop('fast');
    try {
      await assert.rejects(openBook({ home: empty, databaseUrl }), { code: 'model_unavailable', message: /no last known state/ });
      await assert.rejects(openBook({ home, databaseUrl: other }), { code: 'internal_error', message: /of another database/ });
    } finally {
      await cluster.start();
    }
  });

  test('what is remembered and the key that signs it are for their owner only', async () => {
    const book = await open();
    await fill(book);
    await book.close();
    for (const path of [memoryFile(), join(home, 'secrets', 'book-memory.key')])
      assert.equal((await stat(path)).mode & 0o777, 0o600);
    for (const path of [join(home, 'state'), join(home, 'secrets')]) assert.equal((await stat(path)).mode & 0o777, 0o700);
    assert.ok((await readFile(memoryFile(), 'utf8')).includes('smollm2'));
  });

  test('connections that the database ends are replaced', async () => {
    const book = await open();
    let changes = 0;
    book.watchReleases(() => changes++);
    await book.change({ audit, line });
    for (let round = 2; round < 6; round++) {
      await cluster.execute(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'plinth' AND datname = '${databaseOf(databaseUrl)}'`,
      );
      assert.equal((await book.readReleases()).lines[0]?.revision, round - 1);
      await until(async () => !book.isStale());
      await eventually(() => book.change({ audit, line: { ...line, revision: round } }));
    }
    const [before, other] = [changes, await open()];
    await other.change({ audit });
    await until(() => changes > before);
    await book.close();
    await other.close();
  });

  test('processes that share a book hear of changes at once', async (t) => {
    const [book, other] = [await open(), await open()];
    const times: number[] = [];
    let heardAt: number | undefined;
    other.watchReleases(() => (heardAt ??= performance.now()));
    await delay(200);
    for (let round = 0; round < 20; round++) {
      heardAt = undefined;
      await book.change({ audit });
      const changedAt = performance.now();
      await until(() => heardAt !== undefined);
      times.push((heardAt ?? 0) - changedAt);
    }
    t.diagnostic(
      `heard after ${times
        .toSorted((a, b) => a - b)
        .map((ms) => ms.toFixed(1))
        .join(' ')} ms`,
    );
    assert.equal((await other.readReleases()).revision, 20);
    await book.close();
    await other.close();
  });

  test('no failure tells the address, the user or the password', async () => {
    const withPassword = (password: string) => databaseUrl.replace(cluster.password, password);
    const unreachable = databaseUrl.replace(/@127[^/]*/, '@127.0.0.1:1');
    const failing: readonly (readonly [string, object])[] = [
      [withPassword('wrong-secret'), { code: 'internal_error', message: /refuses the connection \(SQLSTATE 28P01\)/ }],
      [
        databaseUrl.replace(/book\d+$/, 'nowhere'),
        { code: 'internal_error', message: /refuses the connection \(SQLSTATE 3D000\)/ },
      ],
      [unreachable, { code: 'model_unavailable', message: /cannot be reached \(ECONNREFUSED\)/ }],
      [databaseUrl.replace('postgres://', 'mysql://'), { code: 'invalid_request', message: /must begin with postgres:/ }],
      [`${databaseUrl}?sslrootcert=/no-such-file-${cluster.password}`, { code: 'invalid_request', message: /ENOENT/ }],
      [databaseUrl.replace('@127.0.0.1', '@[bad'), { code: 'invalid_request', message: /ERR_INVALID_URL|valid/ }],
      [`${databaseUrl}?sslmode=verify-full`, { code: 'model_unavailable' }],
    ];
    for (const [url, expected] of failing) {
      const error: unknown = await openBook({ home: join(home, 'other'), databaseUrl: url }).catch((thrown: unknown) => thrown);
      assert.throws(() => {
        throw error;
      }, expected);
      const told = inspect(error, { depth: 9, showHidden: true });
      for (const secret of [cluster.password, 'wrong-secret', 'plinth:', databaseOf(url), '127.0.0.1'])
        assert.ok(!told.includes(secret), `${secret} in ${told}`);
    }
  });

  test('a book of a newer release in the database is refused untouched', async () => {
    await (await open()).close();
    await cluster.execute('INSERT INTO plinth.migrations (version, applied_at) VALUES (999, 0)', databaseUrl);
    await assert.rejects(open(), { name: 'PlinthError', message: /has schema 999.*use a newer release/ });
  });

  test('a database that is not in UTF-8 is refused', async () => {
    databaseUrl = await cluster.createDatabase(`ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`);
    await assert.rejects(open(), { name: 'PlinthError', message: /encoding LATIN1, expected UTF8/ });
  });

  test('tables of others in the same database are left alone', async () => {
    await cluster.execute('CREATE TABLE keys (id int); CREATE TABLE migrations (version text)', databaseUrl);
    const book = await open();
    await fill(book);
    assert.equal((await book.listKeys()).length, 1);
    await book.close();
  });
});

/** All that was acknowledged is there; what is there is there whole, and the audit log has no gap. */
async function assertWhole([one, other]: readonly Book[], acknowledged: readonly string[]): Promise<void> {
  const entries = (await one?.readAudit({ after: 0, most: 10_000 })) ?? assert.fail();
  let previous: string | undefined;
  for (const [index, { digest, ...entry }] of entries.entries()) {
    assert.equal(entry.sequence, index + 1);
    assert.equal(digest, auditDigest(entry, previous));
    previous = digest;
  }
  const kept = new Set(entries.map(({ subject }) => subject));
  assert.equal(kept.size, entries.length);
  const lost = acknowledged.filter((name) => !kept.has(name));
  assert.deepEqual(lost, []);
  const versions = (await other?.readReleases())?.versions.map((record) => record.model);
  assert.deepEqual(new Set(versions), kept);
}

async function fill(book: Book): Promise<void> {
  await book.addKey(key);
  await book.revokeKey('k1', 5);
  await book.putModel(model);
  await book.change({ audit, line, addVersion: version });
}

async function readAll(book: Book): Promise<unknown> {
  return {
    keys: await book.listKeys(),
    keysRevision: await book.keysRevision(),
    models: await book.listModels(),
    model: await book.findModel('smollm2'),
    releases: await book.readReleases(),
    revision: await book.releasesRevision(),
    versions: await book.listVersions('chat'),
  };
}

/** Changes without a pause, and reads beside them; reads must never fail. */
function startLoad(book: Book, prefix: string) {
  const load = { acknowledged: [] as string[], refused: { count: 0 }, failures: [] as unknown[] };
  const progress = { isStopped: false };
  const write = async (): Promise<void> => {
    for (let n = 0; !progress.isStopped; n++) {
      const name = `${prefix}-${n}`;
      try {
        await book.change({ audit: { ...audit, subject: name }, addVersion: { ...version, model: name } });
        load.acknowledged.push(name);
      } catch (error) {
        if (hasCode(error, 'model_unavailable')) load.refused.count++;
        else load.failures.push(error);
        await delay(5);
      }
    }
  };
  const read = async (): Promise<void> => {
    while (!progress.isStopped) {
      await book.readReleases().catch((error: unknown) => load.failures.push(error));
      await book.keysRevision().catch((error: unknown) => load.failures.push(error));
      await delay(5);
    }
  };
  const running = Promise.all([write(), read()]);
  const stop = async (): Promise<void> => {
    progress.isStopped = true;
    await running;
  };
  return { ...load, stop };
}

function databaseOf(url: string): string {
  return url.replace(/\?.*$/, '').split('/').at(-1) ?? url;
}

async function eventually<T>(attempt: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!hasCode(error, 'model_unavailable')) throw error;
      await delay(10);
    }
  }
}

/** Resolves when it holds; the test's own time limit is the only one. */
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await delay(5);
}
