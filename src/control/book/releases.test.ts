import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, test } from 'node:test';
import { describeOnEach } from '../../../tests/support/book-places.ts';
import type {
  ExperimentRecord,
  Lease,
  LineRecord,
  ReleaseChange,
  RolloutRecord,
  VersionRecord,
} from '../../core/records/index.ts';
import { openBook, type Book } from './index.ts';
import { auditDigest } from './records/index.ts';

const audit = { actor: 'local', action: 'version.added', subject: 'chat:1', detail: { b: [1, null], a: 'ä' } };
const version: VersionRecord = {
  model: 'chat',
  version: '1',
  reference: 'smollm2',
  settings: { slots: 2, nested: { __proto__x: true } },
  parent: '7',
  madeBy: 'quantized to Q4_0',
  addedBy: 'k1',
  addedAt: 1_700_000_000_000,
};
const line: LineRecord = {
  model: 'chat',
  policy: { latest: 2 },
  aliases: { stable: '1' },
  traffic: { weights: { '1': 0.5 }, sticky: { by: 'header', header: 'x-user' }, rules: [], fallback: ['echo'] },
  revision: 1,
};
const rollout: RolloutRecord = {
  id: 'r_1',
  model: 'chat',
  baseline: '1',
  candidate: '2',
  plan: { steps: [0.01, 0.5] },
  state: 'preparing',
  step: 0,
  share: 0.1,
  reason: 'started',
  evidence: {},
  verdicts: {},
  startedBy: 'k1',
  startedAt: 100,
  stepStartedAt: 100,
  revision: 1,
};
const experiment: ExperimentRecord = {
  id: 'e_1',
  model: 'chat',
  state: 'running',
  plan: { arms: ['a', 'b'] },
  evidence: {},
  startedBy: 'k1',
  startedAt: 100,
  reason: 'asked for',
  revision: 1,
};
const facts = { sha256: 'ab'.repeat(32), bytes: 7, engine: 'llama.cpp 3.22.1 cpu', precision: 'Q4_1' };

describeOnEach('releases', (place) => {
  let book: Book;
  let other: Book;
  beforeEach(async () => {
    [book, other] = [await openBook(place()), await openBook(place())];
  });
  afterEach(async () => {
    await book.close();
    await other.close();
  });
  const change = (parts: Partial<ReleaseChange>) => book.change({ audit, ...parts });

  test('a new book has no releases', async () => {
    assert.deepEqual(await book.readReleases(), { revision: 0, versions: [], lines: [], rollouts: [], experiments: [] });
    assert.equal(await book.releasesRevision(), 0);
  });

  test('what is changed comes back as it was written, to every open book', async () => {
    assert.equal(await change({ addVersion: version, line, rollout, experiment }), 1);
    const contents = { revision: 1, versions: [version], lines: [line], rollouts: [rollout], experiments: [experiment] };
    assert.deepEqual(await book.readReleases(), contents);
    assert.deepEqual(await other.readReleases(), contents);
    const paused: RolloutRecord = { ...rollout, pausedBecause: 'lunch', endedAt: 9, state: 'aborted', revision: 2 };
    assert.equal(await other.change({ audit, rollout: paused }), 2);
    assert.deepEqual((await book.readReleases()).rollouts, [paused]);
    const { pausedBecause: _, endedAt: __, ...resumed } = { ...paused, state: 'canary', revision: 3 } as const;
    await change({ rollout: resumed });
    assert.deepEqual((await other.readReleases()).rollouts, [resumed]);
  });

  test('a number that a version had is never given again', async () => {
    await change({ addVersion: version });
    await assert.rejects(change({ addVersion: { ...version, reference: 'other' } }), { code: 'conflict' });
    await change({ removeVersion: { model: 'chat', version: '1', at: 55 } });
    await assert.rejects(change({ addVersion: version }), { code: 'conflict' });
    assert.deepEqual((await book.readReleases()).versions, []);
    assert.deepEqual(await other.listVersions('chat'), [{ ...version, removedAt: 55 }]);
    await change({ addVersion: { ...version, model: 'other' } });
    assert.deepEqual(await book.listVersions('nobody'), []);
  });

  test('removing what is not there is refused', async () => {
    await change({ addVersion: version });
    for (const removal of [
      { model: 'chat', version: '2', at: 5 },
      { model: 'nobody', version: '1', at: 5 },
    ])
      await assert.rejects(change({ removeVersion: removal }), { code: 'version_not_found' });
    await change({ removeVersion: { model: 'chat', version: '1', at: 5 } });
    await assert.rejects(change({ removeVersion: { model: 'chat', version: '1', at: 6 } }), { code: 'version_not_found' });
  });

  test('versions are listed oldest first, those of one moment by number', async () => {
    for (const number of ['10', '9', '123456789012345678', '2'])
      await change({ addVersion: { ...version, version: number, addedAt: number === '2' ? 1 : 5 } });
    const numbers = (await book.listVersions('chat')).map((record) => record.version);
    assert.deepEqual(numbers, ['2', '9', '10', '123456789012345678']);
  });

  test('a change on top of an older revision is refused whole', async () => {
    await change({ line, rollout, experiment });
    const stale = { code: 'stale_revision' };
    await assert.rejects(change({ line }), stale);
    await assert.rejects(change({ line: { ...line, revision: 3 } }), stale);
    await assert.rejects(change({ line: { ...line, model: 'new', revision: 2 } }), stale);
    await assert.rejects(change({ rollout: { ...rollout, revision: 3 } }), stale);
    await assert.rejects(change({ addVersion: version, experiment }), stale);
    assert.deepEqual((await other.readReleases()).versions, []);
    assert.equal(await other.releasesRevision(), 1);
    assert.equal((await other.readAudit({ after: 0, most: 10 })).length, 1);
    assert.equal(await change({ line: { ...line, revision: 2 } }), 2);
  });

  test('of two changes on top of the same revision one is made', async () => {
    await change({ line });
    const second = { ...line, revision: 2 };
    const outcomes = await Promise.allSettled([change({ line: second }), other.change({ audit, line: second })]);
    assert.deepEqual(outcomes.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected']);
    assert.equal(await book.releasesRevision(), 2);
  });

  test('a model has one running rollout at most', async () => {
    await change({ rollout });
    await assert.rejects(change({ rollout: { ...rollout, id: 'r_2' } }), { code: 'conflict', message: /r_1/ });
    await change({ rollout: { ...rollout, id: 'r_3', model: 'other' } });
    await change({ rollout: { ...rollout, state: 'failed', endedAt: 5, revision: 2 } });
    await change({ rollout: { ...rollout, id: 'r_2' } });
  });

  test('releases hold the running rollouts and the newest ended one of each model', async () => {
    const ended = { ...rollout, state: 'promoted' } as const;
    await change({ rollout: { ...ended, id: 'old', endedAt: 200 } });
    await change({ rollout: { ...ended, id: 'newest', startedAt: 90, endedAt: 300 } });
    await change({ rollout: { ...ended, id: 'older', startedAt: 101, endedAt: 250 } });
    await change({ rollout: { ...ended, id: 'others', model: 'other', endedAt: 5 } });
    await change({ rollout: { ...rollout, id: 'running', startedAt: 400 } });
    const ids = (await book.readReleases()).rollouts.map(({ id }) => id);
    assert.deepEqual(ids, ['newest', 'others', 'running']);
    const all = (await book.listRollouts('chat', 9)).map(({ id }) => id);
    assert.deepEqual(all, ['running', 'older', 'old', 'newest']);
    assert.deepEqual((await book.listRollouts('chat', 1)).length, 1);
    assert.deepEqual(await book.listRollouts('chat', 0), []);
  });

  test('releases hold the running experiments and the newest stopped one of each model', async () => {
    for (const [id, endedAt] of Object.entries({ old: 200, newest: 300 }))
      await change({ experiment: { ...experiment, id, state: 'stopped', endedAt } });
    for (const id of ['one', 'two']) await change({ experiment: { ...experiment, id } });
    const ids = (await book.readReleases()).experiments.map(({ id }) => id);
    assert.deepEqual(ids, ['newest', 'one', 'two']);
    assert.equal((await other.listExperiments('chat', 9)).length, 4);
  });

  test('what loading found out is noted once and seen by all', async () => {
    await change({ addVersion: version });
    await book.noteVersionFacts(version, facts);
    assert.deepEqual((await other.readReleases()).versions, [{ ...version, found: facts }]);
    const revision = await book.releasesRevision();
    assert.equal(revision, 2);
    await other.noteVersionFacts(version, facts);
    await other.noteVersionFacts({ model: 'nobody', version: '1' }, facts);
    assert.equal(await book.releasesRevision(), revision);
    assert.equal((await book.readAudit({ after: 0, most: 9 })).length, 1);
  });

  test('the audit log has no gap, and each digest covers what is before it', async () => {
    for (let n = 0; n < 3; n++) {
      await change({ audit: { ...audit, detail: { n, nested: { z: 1.5, a: [true, 'x'] } } } });
      await assert.rejects(change({ rollout: { ...rollout, revision: 9 } }));
      await other.change({ audit: { ...audit, subject: 'else' } });
    }
    const entries = await book.readAudit({ after: 0, most: 100 });
    assert.deepEqual(
      entries.map(({ sequence }) => sequence),
      [1, 2, 3, 4, 5, 6],
    );
    let previous: string | undefined;
    for (const { digest, ...entry } of entries) {
      assert.equal(digest, auditDigest(entry, previous));
      previous = digest;
    }
    assert.ok(entries.every(({ at }) => Math.abs(at - Date.now()) < 600_000));
    assert.deepEqual(await book.readAudit({ after: 4, most: 1 }), [entries[4]]);
    assert.deepEqual(
      (await book.readAudit({ after: 1, most: 9, subject: 'else' })).map(({ sequence }) => sequence),
      [2, 4, 6],
    );
  });

  test('a lease has one holder, and a new holder gets a higher token', async () => {
    const lease = await book.takeLease('rollout:r_1', 'one', 60_000);
    assert.deepEqual(lease, { name: 'rollout:r_1', holder: 'one', token: 1 });
    assert.deepEqual(await book.takeLease('rollout:r_1', 'one', 60_000), lease);
    assert.equal(await other.takeLease('rollout:r_1', 'two', 60_000), undefined);
    assert.deepEqual(await other.takeLease('rollout:r_2', 'two', 60_000), { name: 'rollout:r_2', holder: 'two', token: 1 });
    await book.giveLease(lease as Lease);
    const next = await other.takeLease('rollout:r_1', 'two', 60_000);
    assert.equal(next?.token, 2);
    await book.giveLease(lease as Lease);
    assert.equal(await book.takeLease('rollout:r_1', 'one', 60_000), undefined);
  });

  test('of many who reach for a lease at once one gets it', async () => {
    const claims = Array.from({ length: 12 }, (_, n) => (n % 2 ? book : other).takeLease('x', `holder ${n}`, 60_000));
    const taken = (await Promise.all(claims)).filter((lease) => lease !== undefined);
    assert.equal(taken.length, 1);
  });

  test('a lease that has run out can be taken, and what its old holder still writes is refused', async () => {
    const old = (await book.takeLease('rollout:r_1', 'one', 1)) as Lease;
    await delay(20);
    await assert.rejects(change({ rollout, lease: old }), { code: 'stale_lease', message: /has run out/ });
    const lease = (await other.takeLease('rollout:r_1', 'two', 60_000)) as Lease;
    assert.ok(lease.token > old.token);
    await assert.rejects(change({ rollout, lease: old }), { code: 'stale_lease', message: /another holder/ });
    await other.change({ audit, rollout, lease });
    const note = { id: 'r_1', evidence: { n: 1 }, verdicts: { a: 'pass' } };
    await assert.rejects(book.noteRolloutEvidence(note, old), { code: 'stale_lease' });
    await assert.rejects(book.noteExperimentEvidence(note, old), { code: 'stale_lease' });
    await assert.rejects(book.noteRolloutEvidence(note, { ...lease, name: 'rollout:r_9' }), { code: 'stale_lease' });
    assert.deepEqual((await book.readReleases()).rollouts, [rollout]);
    assert.equal(await book.releasesRevision(), 1);
  });

  test('evidence is replaced without a new revision, of what is running alone', async () => {
    const lease = (await book.takeLease('rollout:r_1', 'one', 60_000)) as Lease;
    await change({ rollout, experiment, lease });
    const evidence = { latency: [1, 2.5], text: 'nul \0 in a document' };
    await book.noteRolloutEvidence({ id: 'r_1', evidence, verdicts: { latency: 'pass' } }, lease);
    await book.noteExperimentEvidence({ id: 'e_1', evidence }, lease);
    const { revision, rollouts, experiments } = await other.readReleases();
    assert.equal(revision, 1);
    assert.deepEqual(rollouts, [{ ...rollout, evidence, verdicts: { latency: 'pass' } }]);
    assert.deepEqual(experiments, [{ ...experiment, evidence }]);
    const ended = { ...rollout, state: 'aborted', revision: 2 } as const;
    await other.change({ audit, rollout: ended });
    await book.noteRolloutEvidence({ id: 'r_1', evidence, verdicts: {} }, lease);
    assert.deepEqual((await other.readReleases()).rollouts, [ended]);
  });

  test('those who watch hear of changes of any process until they stop', async () => {
    const heard = { own: 0, others: 0 };
    const stops = [book.watchReleases(() => heard.own++), other.watchReleases(() => heard.others++)];
    await change({ line });
    await until(() => heard.own > 0 && heard.others > 0);
    const before = { ...heard };
    await other.change({ audit, line: { ...line, revision: 2 } });
    await until(() => heard.own > before.own && heard.others > before.others);
    for (const stop of stops) stop();
    const stopped = { ...heard };
    await change({ line: { ...line, revision: 3 } });
    await delay(150);
    assert.deepEqual(heard, stopped);
  });

  test('a NUL character in a name is refused before anything is written', async () => {
    await assert.rejects(change({ addVersion: { ...version, model: 'a\0b' } }), { code: 'invalid_request' });
    await assert.rejects(change({ audit: { ...audit, subject: '\0' } }), { code: 'invalid_request', message: /subject/ });
    assert.equal(await book.releasesRevision(), 0);
  });
});

/** Resolves when it holds; the test's own time limit is the only one. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await delay(5);
}
