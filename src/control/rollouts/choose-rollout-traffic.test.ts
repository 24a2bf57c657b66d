import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { RolloutState } from '../../core/records/index.ts';
import { chooseRolloutTraffic } from './choose-rollout-traffic.ts';
import { rolloutPlanSchema } from './rollout-plan.ts';

const rollout = { id: 'r_1', baseline: '3', candidate: '4', state: 'canary', step: 0 } as const;
const plan = rolloutPlanSchema.parse({ steps: [{ percent: 0.1 }, { percent: 33.3 }, { percent: 100 }] });
const STATES: readonly RolloutState[] = ['preparing', 'shadowing', 'canary', 'promoted', 'rolled-back', 'aborted', 'failed'];

const rows: ReadonlyArray<readonly [state: RolloutState, step: number, candidate: number, isShadowing: boolean]> = [
  ['preparing', 0, 0, false],
  ['shadowing', 0, 0, true],
  ['canary', 0, 0.1, true],
  ['canary', 1, 33.3, true],
  ['canary', 2, 100, true],
  ['promoted', 2, 100, false],
  ['rolled-back', 1, 0, false],
  ['aborted', 2, 0, false],
  ['failed', 0, 0, false],
];

for (const [state, step, candidate, isShadowing] of rows) {
  test(`in ${state}, step ${step}, the candidate gets ${candidate} % and ${isShadowing ? 'copies' : 'no copies'}`, () => {
    const traffic = chooseRolloutTraffic({ ...rollout, state, step }, plan);
    assert.deepEqual(traffic.arms, [
      { name: 'current', version: '3', weight: 100 - candidate },
      { name: 'candidate', version: '4', weight: candidate },
    ]);
    assert.equal(traffic.shadow?.to, isShadowing ? '4' : undefined);
    assert.deepEqual(traffic.purpose, { kind: 'rollout', id: 'r_1' });
    assert.deepEqual(traffic.fallback, ['3']);
  });
}

test('weights make 100 in every state and at any step, and callers are dealt once for the whole rollout', () => {
  const steps = fc.uniqueArray(fc.double({ min: 0.001, max: 100, noNaN: true }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(steps, fc.constantFrom(...STATES), fc.nat(25), (percents, state, step) => {
      const sorted = percents.toSorted((a, b) => a - b).map((percent) => ({ percent }));
      const traffic = chooseRolloutTraffic({ ...rollout, state, step }, rolloutPlanSchema.parse({ steps: sorted }));
      const sum = traffic.arms.reduce((all, { weight }) => all + weight, 0);
      assert.ok(Math.abs(sum - 100) < 1e-9);
      assert.ok(traffic.arms.every(({ weight }) => weight >= 0));
      assert.equal(traffic.salt, 'r_1');
    }),
  );
});

test('copies end with the strategy or the share that wants none', () => {
  const without = rolloutPlanSchema.parse({ strategy: ['canary'] });
  const none = rolloutPlanSchema.parse({ shadow: { share: 0 } });
  assert.equal(chooseRolloutTraffic(rollout, without).shadow, undefined);
  assert.equal(chooseRolloutTraffic(rollout, none).shadow, undefined);
});

test('the current version is asked twice only for the judge of likeness', () => {
  const without = rolloutPlanSchema.parse({ judges: { similarity: null } });
  assert.equal(chooseRolloutTraffic(rollout, plan).shadow?.reference, 'rerun');
  assert.equal(chooseRolloutTraffic(rollout, without).shadow?.reference, 'none');
});
