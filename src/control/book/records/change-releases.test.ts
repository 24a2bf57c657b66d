import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { PlinthError, type ErrorCode } from '../../../core/errors/index.ts';
import type { LineRecord, ReleaseChange, VersionRecord } from '../../../core/records/index.ts';
import { openBook } from '../index.ts';

const audit = { actor: 'local', action: 'x', subject: 'y', detail: {} };
const models = fc.constantFrom('a', 'b');
const numbers = fc.constantFrom('1', '2', '3');
const changes = fc.record(
  {
    addVersion: fc.tuple(models, numbers).map(([model, version]) => versionOf(model, version)),
    removeVersion: fc.record({ model: models, version: numbers, at: fc.constant(5) }),
    line: fc.tuple(models, fc.integer({ min: 1, max: 4 })).map(([model, revision]) => lineOf(model, revision)),
  },
  { requiredKeys: [] },
);

test('a book agrees with a plain model of it after any changes, refused ones included', async () => {
  const home = await mkdtemp(join(tmpdir(), 'plinth-book-'));
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(changes, { maxLength: 12 }), async (sequence) => {
      const book = await openBook({ home: join(home, String(run++)) });
      const plain = new PlainReleases();
      for (const change of sequence) {
        const expected = plain.apply(change);
        const outcome = await book.change({ audit, ...change }).catch(codeOf);
        assert.equal(outcome, expected);
      }
      const { revision, versions, lines } = await book.readReleases();
      assert.equal(revision, plain.revision);
      assert.deepEqual(
        versions.map(keyOf).toSorted(),
        [...plain.versions]
          .filter(([, isThere]) => isThere)
          .map(([key]) => key)
          .toSorted(),
      );
      assert.deepEqual(Object.fromEntries(lines.map((line) => [line.model, line.revision])), Object.fromEntries(plain.lines));
      const log = await book.readAudit({ after: 0, most: 100 });
      assert.deepEqual(
        log.map((entry) => entry.sequence),
        Array.from({ length: plain.revision }, (_, index) => index + 1),
      );
      await book.close();
    }),
    { numRuns: 25 },
  );
  await rm(home, { recursive: true });
});

/** The rules of a change in a few lines: all of it, or nothing and the first refusal. */
class PlainReleases {
  revision = 0;
  versions = new Map<string, boolean>();
  lines = new Map<string, number>();

  apply({ addVersion, removeVersion, line }: Omit<ReleaseChange, 'audit'>): number | ErrorCode {
    const versions = new Map(this.versions);
    if (addVersion !== undefined) {
      if (versions.has(keyOf(addVersion))) return 'conflict';
      versions.set(keyOf(addVersion), true);
    }
    if (removeVersion !== undefined) {
      if (versions.get(keyOf(removeVersion)) !== true) return 'version_not_found';
      versions.set(keyOf(removeVersion), false);
    }
    if (line !== undefined) {
      if (line.revision !== (this.lines.get(line.model) ?? 0) + 1) return 'stale_revision';
      this.lines.set(line.model, line.revision);
    }
    this.versions = versions;
    return ++this.revision;
  }
}

function versionOf(model: string, version: string): VersionRecord {
  return { model, version, settings: {}, madeBy: 'added', addedBy: 'local', addedAt: 1 };
}

function lineOf(model: string, revision: number): LineRecord {
  const traffic = { weights: {}, sticky: { by: 'caller' }, rules: [], fallback: [] } as const;
  return { model, policy: { all: true }, aliases: {}, traffic: { ...traffic, rules: [], fallback: [] }, revision };
}

function keyOf({ model, version }: { readonly model: string; readonly version: string }): string {
  return `${model}:${version}`;
}

function codeOf(error: unknown): ErrorCode {
  assert.ok(error instanceof PlinthError);
  return error.code;
}
