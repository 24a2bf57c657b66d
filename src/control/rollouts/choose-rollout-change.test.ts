import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { LineRecord, RolloutRecord } from '../../core/records/index.ts';
import { defaultTrafficPolicy } from '../../core/traffic/index.ts';
import { choosePause, chooseResume, chooseRolloutChange, type RolloutChange } from './choose-rollout-change.ts';
import { isRunning, placesOf, type RolloutEnd } from './choose-rollout-move.ts';
import { rolloutPlanSchema, type RolloutPlan } from './rollout-plan.ts';

const started: RolloutRecord = {
  id: 'r_1',
  model: 'chat',
  baseline: '3',
  candidate: '4',
  plan: {},
  state: 'preparing',
  step: 0,
  share: 0,
  reason: 'version 4 is being loaded',
  evidence: {},
  verdicts: {},
  startedBy: 'local',
  startedAt: 1,
  stepStartedAt: 1,
  revision: 1,
};
const line: LineRecord = {
  model: 'chat',
  policy: { latest: 1 },
  aliases: { stable: '3', next: '4', other: '3' },
  traffic: { ...defaultTrafficPolicy, weights: { 3: 1 } },
  revision: 7,
};
const ENDS: readonly RolloutEnd[] = ['promoted', 'rolled-back', 'aborted', 'failed'];
const order = { actor: 'autopilot', reason: 'because', at: 5 } as const;

const strategies: ReadonlyArray<readonly [strategy: readonly string[], places: readonly string[]]> = [
  [
    ['shadow', 'canary'],
    ['preparing 0', 'shadowing 0', 'canary 0', 'canary 1', 'promoted 1'],
  ],
  [['shadow'], ['preparing 0', 'shadowing 0', 'promoted 0']],
  [['canary'], ['preparing 0', 'canary 0', 'canary 1', 'promoted 1']],
];

for (const [strategy, places] of strategies) {
  test(`the strategy ${strategy.join(', ')} leads through ${places.join(' → ')}`, () => {
    const plan = rolloutPlanSchema.parse({ strategy, steps: [{ percent: 10 }, { percent: 100 }] });
    assert.deepEqual(
      placesOf(plan).map(({ state, step }) => `${state} ${step}`),
      places,
    );
    let rollout = started;
    const walked = ['preparing 0'];
    for (let change = step(rollout, plan); change !== undefined; change = step(rollout, plan)) {
      rollout = change.rollout;
      walked.push(`${rollout.state} ${rollout.step}`);
    }
    assert.deepEqual(walked, places);
  });
}

function step(rollout: RolloutRecord, plan: RolloutPlan): RolloutChange | undefined {
  return chooseRolloutChange({ rollout, plan, line }, { ...order, to: 'next' });
}

test('only a promotion writes the line: its weights, and the aliases of the plan that stood at the baseline', () => {
  const plan = rolloutPlanSchema.parse({ strategy: ['shadow'], aliases: ['stable', 'next', 'absent', 'toString'] });
  const shadowing = step(started, plan);
  assert.equal(shadowing?.line, undefined);
  const promoted = step(shadowing?.rollout ?? assert.fail(), plan);
  assert.deepEqual(promoted?.line?.aliases, { stable: '4', next: '4', other: '3' });
  assert.deepEqual(promoted?.line?.traffic.weights, { 4: 1 });
  assert.equal(promoted?.line?.revision, 8);
  assert.deepEqual(promoted?.audit.detail['aliases'], ['stable']);
});

test('a promotion makes the line of a model that has none', () => {
  const change = chooseRolloutChange({ rollout: started, plan: rolloutPlanSchema.parse({}) }, { ...order, to: 'promoted' });
  assert.equal(change?.line?.revision, 1);
  assert.deepEqual(change?.line?.traffic.weights, { 4: 1 });
});

test('only a rollout that prepares can fail', () => {
  const plan = rolloutPlanSchema.parse({});
  const shadowing = step(started, plan)?.rollout ?? assert.fail();
  assert.equal(chooseRolloutChange({ rollout: started, plan }, { ...order, to: 'failed' })?.rollout.state, 'failed');
  assert.equal(chooseRolloutChange({ rollout: shadowing, plan }, { ...order, to: 'failed' }), undefined);
});

test('whatever is done to a rollout, notes of the log join without a gap, shares follow the plan and an end is the end', () => {
  const moves = fc.array(fc.constantFrom('next', 'next', 'next', 'pause', 'resume', ...ENDS), { maxLength: 30 });
  const strategy = fc.constantFrom(['shadow'], ['canary'], ['shadow', 'canary']);
  fc.assert(
    fc.property(moves, strategy, (words, chosen) => {
      const plan = rolloutPlanSchema.parse({ strategy: chosen });
      let rollout = started;
      for (const word of words) {
        const change = apply(rollout, plan, word);
        if (change === undefined) continue;
        assert.ok(isRunning(rollout), 'nothing happens after the end');
        assert.equal(change.rollout.revision, rollout.revision + 1);
        const { state, step: index, share } = rollout;
        assert.deepEqual(change.audit.detail['from'], { state, step: index, share });
        assert.equal(change.line !== undefined, change.rollout.state === 'promoted');
        assert.equal(change.rollout.endedAt !== undefined, !isRunning(change.rollout));
        checkShare(change.rollout, plan);
        rollout = change.rollout;
      }
    }),
  );
});

function apply(
  rollout: RolloutRecord,
  plan: RolloutPlan,
  word: RolloutEnd | 'next' | 'pause' | 'resume',
): RolloutChange | undefined {
  if (word === 'pause') return isRunning(rollout) ? choosePause(rollout, order) : undefined;
  if (word === 'resume') return isRunning(rollout) ? chooseResume(rollout, 'local') : undefined;
  return chooseRolloutChange({ rollout, plan, line }, { ...order, to: word });
}

function checkShare({ state, step: index, share }: RolloutRecord, plan: RolloutPlan): void {
  const canary = (plan.steps[index]?.percent ?? 0) / 100;
  assert.equal(share, state === 'promoted' ? 1 : state === 'canary' ? canary : 0);
}

test('a move ends a pause, a pause keeps the place', () => {
  const plan = rolloutPlanSchema.parse({});
  const paused = choosePause(started, { actor: 'local', reason: 'lunch' });
  assert.equal(paused.rollout.pausedBecause, 'lunch');
  assert.equal(paused.rollout.state, 'preparing');
  assert.equal(chooseResume(paused.rollout, 'local').rollout.pausedBecause, undefined);
  const back = chooseRolloutChange({ rollout: paused.rollout, plan }, { ...order, to: 'rolled-back', failed: ['errors'] });
  assert.equal(back?.rollout.pausedBecause, undefined);
  assert.deepEqual(back?.audit.detail['failed'], ['errors']);
});
