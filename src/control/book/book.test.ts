import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { ModelRecord } from '../../core/records/index.ts';
import { openBook } from './index.ts';

const model: ModelRecord = {
  name: 'smollm2',
  reference: 'smollm2',
  engine: 'llama',
  task: 'generate',
  sha256: 'ab'.repeat(32),
  bytes: 98_362_432,
  source: 'hf:org/repo/file.gguf',
  licence: 'Apache-2.0',
  addedAt: 1_700_000_000_000,
  fileModifiedAtMs: 1_700_000_000_000.25,
};

describe('book', () => {
  let home: string;
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'plinth-book-'));
  });
  afterEach(() => rm(home, { recursive: true }));

  test('a model comes back as it was put, is replaced by name and is gone after removal', async () => {
    const book = await openBook({ home });
    await book.putModel(model);
    assert.deepEqual(await book.findModel('smollm2'), model);
    const { licence: _, ...unlicensed } = { ...model, bytes: 5 };
    await book.putModel(unlicensed);
    await book.putModel({ ...model, name: 'another' });
    assert.deepEqual(await book.listModels(), [{ ...model, name: 'another' }, unlicensed]);
    assert.equal(await book.removeModel('smollm2'), true);
    assert.equal(await book.removeModel('smollm2'), false);
    assert.equal(await book.findModel('smollm2'), undefined);
    await book.close();
  });

  test('the files of a model come back in their order', async () => {
    const book = await openBook({ home });
    const files = [
      { path: 'onnx/model.onnx', sha256: 'cd'.repeat(32), bytes: 7, modifiedAtMs: 1.5 },
      { path: 'config.json', sha256: 'ef'.repeat(32), bytes: 2, modifiedAtMs: 2 },
    ];
    const record: ModelRecord = { ...model, engine: 'onnx', task: 'embed', files };
    await book.putModel(record);
    assert.deepEqual(await book.findModel('smollm2'), record);
    await book.close();
  });

  test('the revision of keys grows with additions and revocations only', async () => {
    const book = await openBook({ home });
    const first = await book.keysRevision();
    await book.addKey({ id: 'k1', label: 'one', role: 'admin', hash: 'aa', createdAt: 1 });
    const second = await book.keysRevision();
    await book.noteKeyUses(
      new Map([
        ['k1', 7],
        ['nobody', 8],
      ]),
    );
    await book.noteKeyUses(new Map([['k1', 6]]));
    assert.equal(await book.keysRevision(), second);
    assert.equal(await book.revokeKey('k1', 9), true);
    assert.equal(await book.revokeKey('k1', 10), false);
    const third = await book.keysRevision();
    assert.ok(first < second && second < third);
    assert.deepEqual(await book.listKeys(), [
      { id: 'k1', label: 'one', role: 'admin', hash: 'aa', createdAt: 1, revokedAt: 9, lastUsedAt: 7 },
    ]);
    await assert.rejects(book.addKey({ id: 'k1', label: 'twice', role: 'admin', hash: 'bb', createdAt: 2 }), /UNIQUE/);
    await book.close();
  });

  test('two open books see what the other wrote', async () => {
    const [one, other] = [await openBook({ home }), await openBook({ home })];
    await one.putModel(model);
    assert.deepEqual(await other.findModel('smollm2'), model);
    await other.removeModel('smollm2');
    assert.deepEqual(await one.listModels(), []);
    await one.close();
    await other.close();
  });

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

  test('processes that open a new book at once all find it complete', async () => {
    const outcomes = await Promise.all(Array.from({ length: 4 }, (_, index) => runToEnd(home, `a${index}`, 3)));
    assert.deepEqual(outcomes, ['a0-0 a0-1 a0-2', 'a1-0 a1-1 a1-2', 'a2-0 a2-1 a2-2', 'a3-0 a3-1 a3-2']);
    const book = await openBook({ home });
    assert.equal((await book.listModels()).length, 12);
    await book.close();
  });

  test('nothing acknowledged is lost when the writer is killed', async () => {
    const acknowledged = new Set<string>();
    for (let round = 0; round < 20; round++) {
      for (const name of await writeUntilKilled(home, `r${round}`, 1 + ((round * 7) % 23))) acknowledged.add(name);
    }
    const book = await openBook({ home });
    const kept = new Set((await book.listModels()).map((record) => record.name));
    assert.deepEqual(
      [...acknowledged].filter((name) => !kept.has(name)),
      [],
    );
    assert.ok(acknowledged.size >= 20);
    const database = new DatabaseSync(join(home, 'plinth.db'));
    assert.equal(database.prepare('PRAGMA integrity_check').get()?.['integrity_check'], 'ok');
    database.close();
    await book.close();
  });
});

/** A process that puts models named `<prefix>-<n>` and writes each name out once the book has acknowledged it. */
function startWriter(home: string, prefix: string, count: number) {
  const program = `
    import { openBook } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)};
    const book = await openBook({ home: ${JSON.stringify(home)} });
    for (let n = 0; n < ${count}; n++) {
      const name = ${JSON.stringify(prefix)} + '-' + n;
      await book.putModel({ ...${JSON.stringify(model)}, name });
      process.stdout.write(name + '\\n');
    }`;
  return spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
}

async function runToEnd(home: string, prefix: string, count: number): Promise<string> {
  const child = startWriter(home, prefix, count);
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  await once(child, 'close');
  return text.trim().replaceAll('\n', ' ');
}

/** Kills the writer in the middle of its work, once it has acknowledged `atLeast` models. */
async function writeUntilKilled(home: string, prefix: string, atLeast: number): Promise<string[]> {
  const child = startWriter(home, prefix, 1_000_000);
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    if (text.split('\n').length > atLeast) child.kill('SIGKILL');
  });
  await once(child, 'close');
  return text.split('\n').slice(0, -1);
}
