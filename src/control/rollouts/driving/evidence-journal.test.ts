import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Observation, SampledAnswer } from '../../../core/messages/index.ts';
import type { RolloutRecord } from '../../../core/records/index.ts';
import { rolloutPlanSchema } from '../rollout-plan.ts';
import { EvidenceInbox, withoutContent, type EvidenceItem } from './evidence-inbox.ts';
import { EvidenceJournal } from './evidence-journal.ts';

const plan = rolloutPlanSchema.parse({});
const rollout = { id: 'r_1', baseline: '1', candidate: '2', evidence: {} } as RolloutRecord;
const items = (count: number, version = '2'): readonly EvidenceItem[] =>
  Array.from({ length: count }, () => ({
    kind: 'observation',
    observation: { version, outcome: 'ok', totalMs: 5 } as Observation,
  }));

function reopen(journal: EvidenceJournal): EvidenceJournal {
  return EvidenceJournal.open({ ...rollout, evidence: JSON.parse(JSON.stringify(journal.toJson())) }, plan);
}

test('a report counts once, also when another process reads it again from what was written down', () => {
  const journal = EvidenceJournal.open(rollout, plan);
  const first = { holder: 'p2', sequence: 1, items: items(3), dropped: 2 };
  assert.ok(journal.addReport(first));
  assert.ok(!journal.addReport(first));
  const next = reopen(journal);
  assert.ok(!next.addReport(first));
  assert.ok(next.addReport({ ...first, sequence: 2 }));
  assert.ok(next.addReport({ ...first, holder: 'constructor' }));
  assert.equal(next.evidence.counts.liveCandidate, 9);
  assert.equal(next.dropped, 6);
});

test('marks are dropped once the reports are gone, unless newer ones came meanwhile', () => {
  const journal = EvidenceJournal.open(rollout, plan);
  const lot = { items: [], dropped: 0 };
  journal.addReport({ ...lot, holder: 'p2', sequence: 4 });
  journal.addReport({ ...lot, holder: 'p3', sequence: 1 });
  const written = { ...journal.counted };
  journal.addReport({ ...lot, holder: 'p3', sequence: 2 });
  journal.forgot(written);
  assert.deepEqual(journal.counted, { p3: 2 });
});

test('feedback is read on from the last line of what was written down', () => {
  const journal = EvidenceJournal.open(rollout, plan);
  const line = {
    requestId: 'a',
    model: 'chat',
    version: '2',
    arm: 'candidate',
    purposeId: 'r_1',
    metric: 'score',
    score: 1,
    at: 1,
  };
  journal.addFeedback({ ...line, row: 8 });
  assert.equal(reopen(journal).feedbackRow, 8);
});

test('a round of golden questions that was cut off goes on behind the last answer', () => {
  const journal = EvidenceJournal.open(rollout, plan);
  journal.addGolden({ question: 4, candidate: true, current: true });
  assert.deepEqual(reopen(journal).golden, { rounds: 0, next: 5 });
  journal.endGoldenRound();
  assert.deepEqual(reopen(journal).golden, { rounds: 1, next: 0 });
});

test('a step begins its own counts and golden questions, and leaves the journal before it alone', () => {
  const journal = EvidenceJournal.open(rollout, plan);
  journal.add({ items: items(5), dropped: 0 });
  journal.endGoldenRound();
  const next = journal.entering({ state: 'canary', step: 1, share: 0.5 });
  assert.equal(next.evidence.counts.stepCandidate, 0);
  assert.equal(next.evidence.counts.liveCandidate, 5);
  assert.deepEqual(next.golden, { rounds: 0, next: 0 });
  assert.equal(journal.evidence.counts.stepCandidate, 5);
});

test('evidence of another release is refused', () => {
  const open = () => EvidenceJournal.open({ ...rollout, evidence: { version: 99 } }, plan);
  assert.throws(open, /evidence of rollout r_1 cannot be read/);
});

test('an inbox keeps so much, counts the rest, and takes nothing for what it was not opened for', () => {
  const inbox = new EvidenceInbox();
  const [item] = items(1);
  assert.ok(item !== undefined);
  assert.ok(!inbox.offer('r_1', item));
  inbox.open('r_1');
  for (let i = 0; i < 5_000; i++) assert.ok(inbox.offer('r_1', item));
  assert.equal(inbox.take('r_1', 1_000).items.length, 1_000);
  const rest = inbox.take('r_1');
  assert.deepEqual({ items: rest.items.length, dropped: rest.dropped }, { items: 3_096, dropped: 0 });
  inbox.close('r_1');
  assert.deepEqual(inbox.take('r_1'), { items: [], dropped: 0 });
});

test('a comparison leaves its words behind', () => {
  const usage = { promptTokens: 3, cachedTokens: 0, completionTokens: 1 };
  const answer: SampledAnswer = {
    version: '2',
    outcome: 'ok',
    totalMs: 3,
    events: [
      { type: 'text-delta', choice: 0, text: 'a secret' },
      { type: 'usage-report', usage },
    ],
  };
  const comparison = { request: { text: 'a secret' }, current: answer, candidate: answer, reference: answer };
  const kept = withoutContent(comparison);
  assert.doesNotMatch(JSON.stringify(kept), /a secret/);
  assert.deepEqual(kept.reference?.events, [{ type: 'usage-report', usage }]);
});
