import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { bookDatabaseKinds } from '../../../tests/support/book-places.ts';
import type { AnswerRecord, AssignmentRecord, CaptureRecord, FeedbackRecord } from '../../core/records/index.ts';
import { openBook, type Book } from './index.ts';

const answer: AnswerRecord = {
  requestId: 'req_1',
  model: 'chat',
  version: '2',
  arm: 'candidate',
  purposeId: 'r_1',
  unit: 'u1',
  keyId: 'key_1',
  at: 100,
};
const assignment: AssignmentRecord = { experiment: 'e_1', unit: 'u1', arm: 'a', version: '1', at: 100 };
const judged: FeedbackRecord = {
  requestId: 'req_1',
  model: 'chat',
  version: '2',
  arm: 'candidate',
  purposeId: 'r_1',
  metric: 'helpful',
  score: 0.1,
  at: 100,
};
const capture: CaptureRecord = { id: 'c_1', model: 'chat', at: 100, request: { kind: 'generate', text: 'a\0b' } };

for (const kind of bookDatabaseKinds()) {
  describe(`what requests tell on ${kind.name}`, { skip: kind.skip }, () => {
    let book: Book;
    before(() => kind.start());
    after(() => kind.stop());
    beforeEach(async () => {
      book = await openBook(await kind.empty());
    });
    afterEach(() => book.close());

    test('an answer is found by its request, the first one where an id comes twice', async () => {
      await book.noteAnswers([answer, { ...answer, version: '9' }, { ...answer, requestId: 'req_2', at: 200.7 }]);
      await book.noteAnswers([{ ...answer, version: '8' }]);
      await book.noteAnswers([]);
      assert.deepEqual(await book.findAnswer('req_1'), answer);
      assert.deepEqual(await book.findAnswer('req_2'), { ...answer, requestId: 'req_2', at: 200 });
      assert.equal(await book.findAnswer('req_3'), undefined);
      assert.equal(await book.findAnswer('a\0b'), undefined);
    });

    test('answers that are older than a moment are forgotten', async () => {
      await book.noteAnswers([answer, { ...answer, requestId: 'req_2', at: 200 }]);
      await book.forgetAnswers(200);
      assert.equal(await book.findAnswer('req_1'), undefined);
      assert.equal((await book.findAnswer('req_2'))?.at, 200);
    });

    test('many answers are written at once', async () => {
      const answers = Array.from({ length: 1_201 }, (_, n) => ({ ...answer, requestId: `req_${n}` }));
      await book.noteAnswers(answers);
      for (const n of [0, 499, 500, 1_200]) assert.deepEqual(await book.findAnswer(`req_${n}`), answers[n]);
    });

    test('the first arm of a unit stays', async () => {
      await book.noteAssignments([assignment, { ...assignment, unit: 'u2', arm: 'b' }, { ...assignment, arm: 'b' }]);
      await book.noteAssignments([
        { ...assignment, unit: 'u2', arm: 'a' },
        { ...assignment, unit: 'u3' },
        { ...assignment, experiment: 'e_2', arm: 'z' },
      ]);
      const listed = await book.listAssignments('e_1', { after: 0, most: 10 });
      assert.deepEqual(
        listed.map(({ unit, arm }) => `${unit} ${arm}`),
        ['u1 a', 'u2 b', 'u3 a'],
      );
      assert.deepEqual(await book.countAssignments('e_1'), { a: 2, b: 1 });
      assert.deepEqual(await book.countAssignments('nobody'), {});
      const [first] = await book.listAssignments('e_1', { after: 0, most: 1 });
      const rest = await book.listAssignments('e_1', { after: first?.row ?? 0, most: 10 });
      assert.deepEqual(
        rest.map(({ unit }) => unit),
        ['u2', 'u3'],
      );
    });

    test('an answer that says no key has none', async () => {
      const { keyId: _, ...old } = answer;
      await book.noteAnswers([old]);
      assert.deepEqual(await book.findAnswer('req_1'), old);
    });

    test('of an experiment no more units are kept than there may be, and others have their own room', async () => {
      const units = (experiment: string, from: number) =>
        [0, 1, 2].map((n) => ({ ...assignment, experiment, unit: `u${from + n}`, arm: n === 0 ? 'a' : 'b' }));
      await book.noteAssignments(units('e_1', 1), 4);
      await book.noteAssignments([...units('e_1', 3), ...units('e_2', 1)], 4);
      await book.noteAssignments(units('e_1', 10), 4);
      const listed = await book.listAssignments('e_1', { after: 0, most: 10 });
      assert.deepEqual(
        listed.map(({ unit }) => unit),
        ['u1', 'u2', 'u3', 'u10'],
      );
      assert.deepEqual(await book.countAssignments('e_1'), { a: 2, b: 2 });
      assert.deepEqual(await book.countAssignments('e_2'), { a: 1, b: 2 });
    });

    test('units of experiments that ended long ago are forgotten, and how many there were is not', async () => {
      const experiment = { model: 'chat', plan: {}, evidence: {}, startedBy: 'x', startedAt: 1, reason: '', revision: 1 };
      const audit = { actor: 'x', action: 'experiment.started', subject: 'chat', detail: {} };
      const ended = [['old', 99] as const, ['new', 100] as const];
      for (const [id, endedAt] of ended)
        await book.change({ audit, experiment: { ...experiment, id, state: 'stopped', endedAt } });
      await book.change({ audit, experiment: { ...experiment, id: 'running', state: 'running' } });
      const many = Array.from({ length: 5_001 }, (_, n) => ({ ...assignment, experiment: 'old', unit: `u${n}` }));
      await book.noteAssignments([...many, { ...assignment, experiment: 'new' }, { ...assignment, experiment: 'running' }]);
      await book.forgetAssignments(100);
      const left = async (id: string) => (await book.listAssignments(id, { after: 0, most: 10 })).length;
      assert.deepEqual([await left('old'), await left('new'), await left('running')], [0, 1, 1]);
      assert.deepEqual(await book.countAssignments('old'), { a: 5_001 });
    });

    test('feedback is read oldest first and on from a row, once for each request and metric', async () => {
      for (const [requestId, score] of [
        ['req_1', 0.1],
        ['req_2', -1e-7],
        ['req_1', 1],
        ['req_3', 1 / 3],
      ] as const)
        await book.addFeedback({ ...judged, requestId, score });
      await book.addFeedback({ ...judged, metric: 'polite' });
      await book.addFeedback({ ...judged, purposeId: 'e_1' });
      const rows = await book.readFeedback('r_1', { after: 0, most: 10 });
      assert.deepEqual(
        rows.map(({ requestId, metric, score }) => [requestId, metric, score]),
        [
          ['req_1', 'helpful', 0.1],
          ['req_2', 'helpful', -1e-7],
          ['req_3', 'helpful', 1 / 3],
          ['req_1', 'polite', 0.1],
        ],
      );
      const { row, ...first } = rows[0] ?? assert.fail();
      assert.deepEqual(first, judged);
      assert.deepEqual(await book.readFeedback('r_1', { after: row, most: 1 }), [rows[1]]);
    });

    test('reports of a rollout are kept once, listed by holder and forgotten as far as they were counted', async () => {
      const report = { rollout: 'r_1', holder: 'a', sequence: 1, report: { n: 1 } };
      for (const [holder, sequence] of [
        ['b', 1],
        ['a', 2],
        ['a', 1],
        ['a', 10],
      ] as const)
        await book.noteRolloutReport({ ...report, holder, sequence });
      await book.noteRolloutReport({ ...report, report: { n: 2 } });
      await book.noteRolloutReport({ ...report, rollout: 'r_2' });
      const list = async (rollout: string) =>
        (await book.readRolloutReports(rollout, 10)).map(({ holder, sequence }) => `${holder}${sequence}`);
      assert.deepEqual(await list('r_1'), ['a1', 'a2', 'a10', 'b1']);
      assert.deepEqual((await book.readRolloutReports('r_1', 1))[0], report);
      await book.forgetRolloutReports('r_1', { a: 2, nobody: 5 });
      assert.deepEqual(await list('r_1'), ['a10', 'b1']);
      await book.forgetRolloutReports('r_1', {});
      assert.deepEqual(await list('r_1'), ['a10', 'b1']);
      await book.forgetRolloutReports('r_1');
      assert.deepEqual([await list('r_1'), await list('r_2')], [[], ['a1']]);
    });

    test('captures are read on after one that is known', async () => {
      const times = [100, 300, 200, 200, 200];
      await book.addCaptures(
        times.map((at, n) => ({ ...capture, id: `c_${n}`, at })),
        10,
      );
      const list = async (before?: { at: number; id: string }) =>
        (await book.listCaptures('chat', 2, before)).map(({ id }) => id);
      assert.deepEqual(await list(), ['c_1', 'c_4']);
      assert.deepEqual(await list({ at: 200, id: 'c_4' }), ['c_3', 'c_2']);
      assert.deepEqual(await list({ at: 200, id: 'c_2' }), ['c_0']);
      assert.deepEqual(await list({ at: 100, id: 'c_0' }), []);
    });

    test('of captures the newest of each model stay', async () => {
      const ids = async (model: string, most = 10) => (await book.listCaptures(model, most)).map(({ id }) => id);
      await book.addCaptures([capture, { ...capture, id: 'x', model: 'other' }], 2);
      await book.addCaptures(
        [
          { ...capture, id: 'c_3', at: 300 },
          { ...capture, id: 'c_2', at: 200 },
          { ...capture, id: 'c_3', at: 999 },
        ],
        2,
      );
      assert.deepEqual(await ids('chat'), ['c_3', 'c_2']);
      assert.deepEqual(await ids('chat', 1), ['c_3']);
      assert.deepEqual((await book.listCaptures('other', 1))[0], { ...capture, id: 'x', model: 'other' });
      assert.equal(await book.removeCaptures('chat'), 2);
      assert.equal(await book.removeCaptures('chat'), 0);
      await book.addCaptures([capture], 0);
      assert.deepEqual([await ids('chat'), await ids('other')], [[], ['x']]);
    });
  });
}
