import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { modelRecord as model } from '../../../tests/support/model-record.ts';
import { openBook } from './index.ts';

describe('book in a file', () => {
  let home: string;
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'plinth-book-'));
  });
  afterEach(() => rm(home, { recursive: true }));

  test('the files of a book are for their owner only', async () => {
    const book = await openBook({ home });
    await book.putModel(model);
    for (const suffix of ['', '-wal', '-shm'])
      assert.equal((await stat(join(home, `plinth.db${suffix}`))).mode & 0o777, 0o600, suffix);
    await book.close();
  });

  test('a book whose files are open to others is closed to them', async () => {
    await (await openBook({ home })).close();
    await chmod(join(home, 'plinth.db'), 0o644);
    await (await openBook({ home })).close();
    assert.equal((await stat(join(home, 'plinth.db'))).mode & 0o777, 0o600);
  });

  test('commits go to a write-ahead log', async () => {
    await (await openBook({ home })).close();
    const database = new DatabaseSync(join(home, 'plinth.db'));
    assert.equal(database.prepare('PRAGMA journal_mode').get()?.['journal_mode'], 'wal');
    database.close();
  });

  test('a book of a newer release is refused untouched', async () => {
    await (await openBook({ home })).close();
    const database = new DatabaseSync(join(home, 'plinth.db'));
    database.exec('INSERT INTO migrations (version, applied_at) VALUES (999, 0)');
    database.close();
    await assert.rejects(openBook({ home }), { name: 'PlinthError', message: /has schema 999.*use a newer release/ });
  });

  test('a file that is no database is refused by name', async () => {
    await writeFile(join(home, 'plinth.db'), 'not a database '.repeat(1_000));
    await assert.rejects(openBook({ home }), { name: 'PlinthError', message: /cannot open the book .*plinth\.db/ });
  });

  test('a home of the release before keeps its models and keys and gets what is new', async () => {
    const database = new DatabaseSync(join(home, 'plinth.db'));
    database.exec(SCHEMA_2);
    database.close();
    const book = await openBook({ home });
    assert.deepEqual(await book.listModels(), [model]);
    assert.deepEqual(await book.listKeys(), [{ id: 'k1', label: 'one', role: 'admin', hash: 'aa', createdAt: 1 }]);
    assert.equal(await book.keysRevision(), 7);
    assert.equal((await book.readReleases()).revision, 0);
    await book.close();
  });

  test('answers and assignments of the release before are kept: nobody has asked for the answers, and the assignments are counted', async () => {
    const before = await openBook({ home });
    const answer = { requestId: 'r', model: 'chat', version: '1', arm: 'a', purposeId: 'e', unit: 'u', at: 1 };
    await before.noteAnswers([{ ...answer, keyId: 'k' }]);
    await before.noteAssignments(['u', 'v'].map((unit) => ({ experiment: 'e', unit, arm: 'a', version: '1', at: 1 })));
    await before.close();
    const database = new DatabaseSync(join(home, 'plinth.db'));
    database.exec('ALTER TABLE answers DROP COLUMN key_id; DROP TABLE assignment_counts');
    database.exec('DELETE FROM migrations WHERE version > 4');
    database.close();
    const book = await openBook({ home });
    assert.deepEqual(await book.findAnswer('r'), answer);
    assert.deepEqual(await book.countAssignments('e'), { a: 2 });
    await book.close();
  });

  test('a lock of another process holds changes up, not this thread, and not those who only read', async (t) => {
    const book = await openBook({ home });
    const audit = { actor: 'local', action: 'line.changed', subject: 'chat', detail: {} };
    const other = new DatabaseSync(join(home, 'plinth.db'));
    other.exec('BEGIN IMMEDIATE');
    const second = await openBook({ home });
    const seen = { turns: 0 };
    const timer = setInterval(() => ++seen.turns, 1);
    t.after(() => clearInterval(timer));
    const changing = book.change({ audit });
    while (seen.turns < 20) assert.equal(await book.releasesRevision().then(nextTurn), 0);
    other.exec('COMMIT');
    assert.equal(await changing, 1);
    other.exec('BEGIN IMMEDIATE');
    const refusals = [book.change({ audit }), book.takeLease('a', 'b', 1), second.change({ audit })];
    const expected = { code: 'model_unavailable', message: /plinth\.db is locked by another process/ };
    await Promise.all(refusals.map((refusal) => assert.rejects(refusal, expected)));
    other.close();
    assert.equal(await second.change({ audit }), 2);
    await Promise.all([book.close(), second.close()]);
  });

  test('closing twice is closing once', async () => {
    const book = await openBook({ home });
    await Promise.all([book.close(), book.close()]);
    assert.equal(book.isStale(), false);
    await assert.rejects(book.listModels());
  });
});

function nextTurn<T>(value: T): Promise<T> {
  return new Promise((resolve) => setImmediate(resolve, value));
}

/** What the release before wrote. */
const SCHEMA_2 = `
  CREATE TABLE migrations (version INTEGER PRIMARY KEY, applied_at INTEGER NOT NULL) STRICT;
  INSERT INTO migrations (version, applied_at) VALUES (1, 5), (2, 5);
  CREATE TABLE models (
    name TEXT PRIMARY KEY, reference TEXT NOT NULL, sha256 TEXT NOT NULL CHECK (length(sha256) = 64), bytes INTEGER NOT NULL,
    source TEXT NOT NULL, licence TEXT, added_at INTEGER NOT NULL, file_modified_at_ms REAL NOT NULL
  ) STRICT;
  CREATE TABLE keys (
    id TEXT PRIMARY KEY, label TEXT NOT NULL, role TEXT NOT NULL CHECK (role IN ('inference', 'admin')), hash TEXT NOT NULL,
    created_at INTEGER NOT NULL, revoked_at INTEGER, last_used_at INTEGER
  ) STRICT;
  CREATE TABLE revisions (subject TEXT PRIMARY KEY, revision INTEGER NOT NULL) STRICT;
  INSERT INTO revisions (subject, revision) VALUES ('keys', 7);
  ALTER TABLE models ADD COLUMN engine TEXT NOT NULL DEFAULT 'llama';
  ALTER TABLE models ADD COLUMN task TEXT NOT NULL DEFAULT 'generate';
  ALTER TABLE models ADD COLUMN files TEXT;
  INSERT INTO models (name, reference, sha256, bytes, source, licence, added_at, file_modified_at_ms)
    VALUES ('smollm2', 'smollm2', '${'ab'.repeat(32)}', 98362432, 'hf:org/repo/file.gguf', 'Apache-2.0', 1700000000000, 1700000000000.25);
  INSERT INTO keys (id, label, role, hash, created_at) VALUES ('k1', 'one', 'admin', 'aa', 1);`;
