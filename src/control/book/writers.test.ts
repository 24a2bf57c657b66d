import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';
import { test } from 'node:test';
import { describeOnEach, type EmptyPlace } from '../../../tests/support/book-places.ts';
import { modelRecord as model } from '../../../tests/support/model-record.ts';
import type { AuditRecord } from '../../core/records/index.ts';
import { openBook, type Book } from './index.ts';
import { auditDigest } from './records/index.ts';

const WRITERS = 4;

describeOnEach(
  'several processes',
  (place) => {
    test('all that open a new book at once find it complete', async () => {
      const outcomes = await Promise.all(
        Array.from({ length: WRITERS }, (_, index) => runToEnd(place(), { prefix: `a${index}`, count: 3, work: PUT_MODEL })),
      );
      assert.deepEqual(outcomes, ['a0-0 a0-1 a0-2', 'a1-0 a1-1 a1-2', 'a2-0 a2-1 a2-2', 'a3-0 a3-1 a3-2']);
      const book = await openBook(place());
      assert.equal((await book.listModels()).length, 12);
      await book.close();
    });

    test('the audit log of all has no gap and one chain', async () => {
      await Promise.all(
        Array.from({ length: WRITERS }, (_, index) => runToEnd(place(), { prefix: `w${index}`, count: 15, work: CHANGE })),
      );
      const book = await openBook(place());
      const entries = await book.readAudit({ after: 0, most: 1_000 });
      assert.equal(entries.length, WRITERS * 15);
      assertChain(entries);
      assert.equal(await book.releasesRevision(), entries.length);
      await book.close();
    });

    test('nothing acknowledged is lost and no change is half there when the writer is killed', async () => {
      const acknowledged: string[] = [];
      for (let round = 0; round < 12; round++)
        acknowledged.push(
          ...(await writeUntilKilled(place(), { prefix: `r${round}`, atLeast: 1 + ((round * 7) % 23), work: CHANGE })),
        );
      const book = await openBook(place());
      await assertWhole(book, acknowledged);
      await book.close();
      if (place().databaseUrl !== undefined) return;
      const database = new DatabaseSync(join(place().home, 'plinth.db'));
      assert.equal(database.prepare('PRAGMA integrity_check').get()?.['integrity_check'], 'ok');
      database.close();
    });
  },
  { timeout: 120_000 },
);

/** Every acknowledged change is there, and of each change that is there all of its parts are. */
async function assertWhole(book: Book, acknowledged: readonly string[]): Promise<void> {
  const { versions, lines, rollouts, revision } = await book.readReleases();
  const entries = await book.readAudit({ after: 0, most: 10_000 });
  assertChain(entries);
  const names = entries.map(({ subject }) => subject).toSorted();
  assert.deepEqual(versions.map((version) => version.model).toSorted(), names);
  assert.deepEqual(lines.map((line) => line.model).toSorted(), names);
  assert.deepEqual(rollouts.map((rollout) => rollout.model).toSorted(), names);
  assert.equal(revision, names.length);
  const kept = new Set(names);
  assert.deepEqual(
    acknowledged.filter((name) => !kept.has(name)),
    [],
  );
  assert.ok(acknowledged.length >= 12);
}

function assertChain(entries: readonly AuditRecord[]): void {
  let previous: string | undefined;
  for (const [index, { digest, ...entry }] of entries.entries()) {
    assert.equal(entry.sequence, index + 1);
    assert.equal(digest, auditDigest(entry, previous));
    previous = digest;
  }
}

const PUT_MODEL = `await book.putModel({ ...${JSON.stringify(model)}, name });`;
const CHANGE = `
  await book.change({
    audit: { actor: 'local', action: 'version.added', subject: name, detail: { name } },
    addVersion: { model: name, version: '1', settings: {}, madeBy: 'added', addedBy: 'local', addedAt: 1 },
    line: { model: name, policy: { all: true }, aliases: {}, traffic: { weights: {}, sticky: { by: 'caller' }, rules: [], fallback: [] }, revision: 1 },
    rollout: {
      id: 'r_' + name, model: name, baseline: '1', candidate: '2', plan: {}, state: 'preparing', step: 0, share: 0, reason: '', evidence: {},
      verdicts: {}, startedBy: 'local', startedAt: 1, stepStartedAt: 1, revision: 1,
    },
  });`;

interface Writing {
  readonly prefix: string;
  readonly work: string;
}

/** A process that does the work for `<prefix>-<n>` and writes each name out once the book has acknowledged it. */
function startWriter(place: EmptyPlace, { prefix, work, count }: Writing & { readonly count: number }) {
  const program = `
    import { openBook } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)};
    const book = await openBook(${JSON.stringify(place)});
    for (let n = 0; n < ${count}; n++) {
      const name = ${JSON.stringify(prefix)} + '-' + n;
      ${work}
      process.stdout.write(name + '\\n');
    }
    await book.close();`;
  return spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
}

async function runToEnd(place: EmptyPlace, writing: Writing & { readonly count: number }): Promise<string> {
  const child = startWriter(place, writing);
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  await once(child, 'close');
  return text.trim().replaceAll('\n', ' ');
}

/** Kills the writer in the middle of its work, once the book has acknowledged `atLeast` names. */
async function writeUntilKilled(place: EmptyPlace, writing: Writing & { readonly atLeast: number }): Promise<string[]> {
  const child = startWriter(place, { ...writing, count: 1_000_000 });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    if (text.split('\n').length > writing.atLeast) child.kill('SIGKILL');
  });
  await once(child, 'close');
  return text.split('\n').slice(0, -1);
}
