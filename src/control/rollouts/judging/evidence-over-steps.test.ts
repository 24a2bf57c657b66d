import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawFrom } from '../../../../tests/support/rollout-world.ts';
import { rolloutPlanSchema, type RolloutPlan } from '../rollout-plan.ts';
import { chooseTransition, judge, RolloutEvidence } from './index.ts';

function answer(evidence: RolloutEvidence, version: string, hasFailed: boolean): void {
  const purpose = { kind: 'rollout', id: 'r' } as const;
  const outcome = hasFailed ? 'failed' : 'ok';
  evidence.observe({ requestId: '', keyId: '', model: 'm', version, arm: '', purpose, unit: '', at: 0, outcome, totalMs: 100 });
}

/** A step at 10 %, in which every tenth answer of the candidate fails and none of the current version. */
function takeStep(evidence: RolloutEvidence, step: number): void {
  evidence.beginStep(step);
  for (let count = 1; count <= 20; count++) {
    for (let of = 0; of < 9; of++) answer(evidence, '1', false);
    answer(evidence, '2', count % 10 === 0);
  }
}

const begin = (plan: RolloutPlan) => RolloutEvidence.begin({ baseline: '1', candidate: '2', plan });
const errorsOf = (evidence: RolloutEvidence, plan: RolloutPlan) =>
  judge(evidence, plan).find((verdict) => verdict.judge === 'errors')?.state;

test('failures that are too few in each step are enough over several, also when the evidence was written down in between', () => {
  const plan = rolloutPlanSchema.parse({});
  let evidence = begin(plan);
  const states = [0, 1, 2, 3].map((step) => {
    evidence = RolloutEvidence.fromJson(evidence.toJson());
    takeStep(evidence, step);
    return errorsOf(evidence, plan);
  });
  const alone = [0, 1, 2, 3].map((step) => {
    const own = begin(plan);
    takeStep(own, step);
    return errorsOf(own, plan);
  });
  assert.ok(!alone.includes('fail'), String(alone));
  assert.notEqual(states[0], 'fail');
  assert.equal(states.at(-1), 'fail', String(states));
});

/** Of one step; so many decide in any case. */
const MOST_ANSWERS = 20_000;

/** The weight at which a candidate without shadow is rolled back, in percent; undefined when it is promoted. */
function stoppedAt(plan: RolloutPlan, failing: number, draw: () => number): number | undefined {
  const evidence = begin(plan);
  for (const [step, { percent }] of plan.steps.entries()) {
    evidence.beginStep(step, percent < 100 ? 'both' : 'candidate');
    for (let count = 0; count < MOST_ANSWERS; count++) {
      const version = draw() * 100 < percent ? '2' : '1';
      answer(evidence, version, draw() < failing && version === '2');
      if (version === '1') continue;
      const standing = { plan, state: 'canary', step, isPaused: false, stepStartedAt: 0, now: 1 } as const;
      const { action } = chooseTransition({ ...standing, counts: evidence.counts, verdicts: judge(evidence, plan) });
      if (action === 'roll-back') return percent;
      if (action !== 'hold') break;
    }
  }
  return undefined;
}

const canary = { strategy: ['canary'] };
const short = [1, 5, 25, 50, 100].map((percent) => ({ percent, requests: 20 }));

for (const [steps, plan] of [
  ['the default steps', rolloutPlanSchema.parse(canary)],
  ['steps of 20 requests', rolloutPlanSchema.parse({ ...canary, steps: short })],
] as const)
  test(`a candidate that fails one answer in ten is rolled back before it has half of the requests: ${steps}`, () => {
    const stops = Array.from({ length: 60 }, (_, seed) => stoppedAt(plan, 0.1, drawFrom(seed)));
    assert.deepEqual(
      stops.filter((percent) => percent === undefined || percent >= 50),
      [],
    );
    assert.ok(stops.some((percent) => percent !== 1));
    assert.equal(stoppedAt(plan, 0, drawFrom(1)), undefined);
  });
