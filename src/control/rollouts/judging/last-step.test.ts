import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rolloutPlanSchema, type JudgeName } from '../rollout-plan.ts';
import { judge, RolloutEvidence } from './index.ts';

const plan = rolloutPlanSchema.parse({});

function answer(evidence: RolloutEvidence, version: string, totalMs: number): void {
  const purpose = { kind: 'rollout', id: 'r' } as const;
  evidence.observe({ requestId: '', keyId: '', model: 'm', version, arm: '', purpose, unit: '', at: 0, outcome: 'ok', totalMs });
}

function stateOf(evidence: RolloutEvidence, name: JudgeName): string | undefined {
  return judge(evidence, plan).find((verdict) => verdict.judge === name)?.state;
}

function throughTheCanary(): RolloutEvidence {
  const evidence = RolloutEvidence.begin({ baseline: '1', candidate: '2', plan });
  evidence.beginStep(0);
  for (let count = 0; count < 50; count++) for (const version of ['1', '2']) answer(evidence, version, 10 + (count % 5));
  return evidence;
}

test('a quick straggler of the version before decides nothing once every request goes to the candidate', () => {
  const evidence = throughTheCanary();
  evidence.beginStep(1, 'candidate');
  for (let count = 0; count < 4_000; count++) answer(evidence, '2', 10 + (count % 5));
  answer(evidence, '1', 1);
  assert.equal(stateOf(evidence, 'duration'), 'pass');
  assert.equal(evidence.counts.liveCurrent, 50);
  assert.equal(evidence.counts.stepCandidate, 4_000);
});

test('that every request goes to the candidate is kept with the evidence, also where only one of two processes knows it', () => {
  const evidence = throughTheCanary();
  const other = throughTheCanary();
  evidence.beginStep(1, 'candidate');
  for (const merged of [evidence.merge(other), other.merge(evidence)]) {
    const read = RolloutEvidence.fromJson(merged.toJson());
    answer(read, '1', 1);
    assert.equal(read.counts.liveCurrent, 100);
    answer(read, '2', 10);
    assert.equal(read.counts.stepCandidate, 1);
  }
});
