import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { errorFactsOf } from '../../core/errors/index.ts';
import type { Feedback, Observation } from '../../core/messages/index.ts';
import { createLogger } from '../../core/telemetry/index.ts';
import { openBook, type Book } from '../book/index.ts';
import { AnswerNotes } from './answer-notes.ts';

let home: string;
let book: Book;
let notes: AnswerNotes;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'answer-notes-'));
  book = await openBook({ home });
  notes = new AnswerNotes({ book, logger: createLogger({ level: 'silent' }) });
});
afterEach(async () => {
  await notes.close();
  await book.close();
  rmSync(home, { recursive: true, force: true });
});

const observation: Observation = {
  requestId: 'req_1',
  keyId: 'asker',
  model: 'chat',
  version: '2',
  arm: 'candidate',
  purpose: { kind: 'rollout', id: 'r_1' },
  unit: 'u',
  at: 1,
  outcome: 'ok',
  totalMs: 1,
};
const opinion: Feedback = { requestId: 'req_1', score: 1, metric: 'rating', keyId: 'asker', role: 'inference', at: 2 };
const kept = async () => (await book.readFeedback('r_1', { after: 0, most: 10 })).map(({ version, score }) => [version, score]);
const refusalOf = (feedback: Feedback) => notes.addFeedback(feedback).then(() => undefined, errorFactsOf);

test('the key that asked for an answer may rate it', async () => {
  notes.note(observation);
  await notes.addFeedback(opinion);
  assert.deepEqual(await kept(), [['2', 1]]);
});

test('an admin key may rate any answer, but none that there is not', async () => {
  notes.note(observation);
  await notes.addFeedback({ ...opinion, keyId: 'boss', role: 'admin' });
  assert.deepEqual(await kept(), [['2', 1]]);
  const refusal = await refusalOf({ ...opinion, requestId: 'req_2', keyId: 'boss', role: 'admin' });
  assert.equal(refusal?.code, 'not_found');
});

test('to another key an answer is one that nobody knows', async () => {
  notes.note(observation);
  const ofOther = await refusalOf({ ...opinion, keyId: 'other' });
  const ofNone = await refusalOf({ ...opinion, requestId: 'req_2' });
  assert.equal(ofOther?.code, 'not_found');
  assert.deepEqual({ ...ofOther, message: ofOther?.message.replace('req_1', 'req_2') }, ofNone);
  assert.deepEqual(await kept(), []);
});

test('an answer of a time when keys were not noted is rated by an admin alone', async () => {
  const { purpose, outcome: _, totalMs: __, keyId: ___, ...rest } = observation;
  await book.noteAnswers([{ ...rest, purposeId: purpose.id }]);
  assert.equal((await refusalOf(opinion))?.code, 'not_found');
  await notes.addFeedback({ ...opinion, role: 'admin' });
  assert.deepEqual(await kept(), [['2', 1]]);
});
