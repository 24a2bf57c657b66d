import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { RolloutState } from '../../../core/records/index.ts';
import { rolloutPlanSchema, type JudgeName } from '../rollout-plan.ts';
import type { Verdict, VerdictState } from '../verdict.ts';
import { chooseTransition, type Standing } from './index.ts';

const PLAN = rolloutPlanSchema.parse({
  shadow: { comparisons: 10, minutes: 1 },
  steps: [
    { percent: 5, requests: 10, minutes: 2 },
    { percent: 100, requests: 20 },
  ],
});
const MINUTE = 60_000;

function verdict(judge: JudgeName, state: VerdictState): Verdict {
  return { judge, state, currentCount: 1, candidateCount: 1, limit: 0, unit: 'share', reason: `says ${state}` };
}

function standing(rest: Partial<Standing> = {}): Standing {
  return {
    plan: PLAN,
    state: 'canary',
    step: 0,
    isPaused: false,
    stepStartedAt: 0,
    now: 2 * MINUTE,
    counts: { comparisons: 10, stepCandidate: 10 },
    verdicts: [verdict('errors', 'pass'), verdict('golden', 'off')],
    ...rest,
  };
}

test('the table of transitions holds', () => {
  const cases: readonly [Partial<Standing>, string, RegExp][] = [
    [{}, 'advance', /^all judges that are on pass: errors$/],
    [{ now: MINUTE / 2 }, 'hold', /^waits for 2 more minutes$/],
    [{ counts: { comparisons: 0, stepCandidate: 3 } }, 'hold', /^waits for 7 more answers at 5 %$/],
    [{ step: 1, counts: { comparisons: 0, stepCandidate: 20 } }, 'promote', /pass/],
    [{ step: 1, counts: { comparisons: 0, stepCandidate: 19 } }, 'hold', /1 more answers at 100 %/],
    [{ step: 7 }, 'hold', /does not have/],
    [{ state: 'shadowing' }, 'advance', /pass/],
    [{ state: 'shadowing', now: 0 }, 'hold', /^waits for 1 more minutes$/],
    [{ state: 'shadowing', counts: { comparisons: 4, stepCandidate: 0 } }, 'hold', /^waits for 6 more comparisons$/],
    [{ state: 'shadowing', plan: { ...PLAN, strategy: ['shadow'] } }, 'promote', /pass/],
    [{ verdicts: [verdict('errors', 'not-enough-data')] }, 'hold', /^waits for errors: says not-enough-data$/],
    [{ verdicts: [verdict('errors', 'fail')] }, 'roll-back', /^errors: says fail$/],
    [{ verdicts: [verdict('errors', 'fail')], isPaused: true }, 'roll-back', /errors/],
    [{ verdicts: [verdict('errors', 'fail')], state: 'shadowing', now: 0 }, 'roll-back', /errors/],
    [{ verdicts: [verdict('errors', 'off')] }, 'advance', /^no judge is on$/],
    [{ verdicts: [] }, 'hold', /verdicts of the judges/],
    [{ isPaused: true }, 'hold', /paused/],
    [{ state: 'preparing' }, 'hold', /being loaded/],
    [{ state: 'promoted' }, 'hold', /over: promoted/],
    [{ state: 'aborted', verdicts: [verdict('errors', 'fail')] }, 'hold', /over: aborted/],
  ];
  for (const [rest, action, reason] of cases) {
    const decision = chooseTransition(standing(rest));
    assert.equal(decision.action, action, `${JSON.stringify(rest)}: ${decision.reason}`);
    assert.match(decision.reason, reason);
  }
});

test('a decision names the judges that fail and those that cannot say', () => {
  const verdicts = [
    verdict('errors', 'fail'),
    verdict('duration', 'fail'),
    verdict('drift', 'not-enough-data'),
    verdict('cost', 'pass'),
  ];
  const { failed, undecided } = chooseTransition(standing({ verdicts }));
  assert.deepEqual(failed, ['errors', 'duration']);
  assert.deepEqual(undecided, ['drift']);
});

const standings = fc
  .record({
    state: fc.constantFrom<RolloutState>('preparing', 'shadowing', 'canary', 'promoted', 'rolled-back', 'aborted', 'failed'),
    step: fc.integer({ min: 0, max: 2 }),
    isPaused: fc.boolean(),
    now: fc.integer({ min: 0, max: 5 * MINUTE }),
    counts: fc.record({ comparisons: fc.nat(30), stepCandidate: fc.nat(30) }),
    verdicts: fc.array(
      fc.record({
        name: fc.constantFrom<JudgeName>('errors', 'similarity', 'duration', 'feedback'),
        state: fc.constantFrom<VerdictState>('pass', 'fail', 'not-enough-data', 'off'),
      }),
      { maxLength: 4 },
    ),
  })
  .map(({ verdicts, ...rest }) => standing({ ...rest, verdicts: verdicts.map(({ name, state }) => verdict(name, state)) }));

test('nothing advances with a judge that fails or is undecided, and every failing judge rolls a running rollout back', () => {
  fc.assert(
    fc.property(standings, (given) => {
      const { action, reason } = chooseTransition(given);
      const states = new Set(given.verdicts.map(({ state }) => state));
      const isRunning = given.state === 'shadowing' || given.state === 'canary';
      if (action === 'advance' || action === 'promote') {
        assert.ok(isRunning && !given.isPaused && !states.has('fail') && !states.has('not-enough-data'));
      }
      assert.equal(action === 'roll-back', isRunning && states.has('fail'));
      if (action === 'promote' && given.state === 'canary') assert.equal(given.step, PLAN.steps.length - 1);
      assert.notEqual(reason, '');
    }),
  );
});

test('more time and more answers never turn an advance into a hold', () => {
  fc.assert(
    fc.property(standings, fc.nat(10), (given, more) => {
      const { action } = chooseTransition(given);
      const later = chooseTransition({
        ...given,
        now: given.now + more * MINUTE,
        counts: { comparisons: given.counts.comparisons + more, stepCandidate: given.counts.stepCandidate + more },
      });
      if (action !== 'hold') assert.equal(later.action, action);
    }),
  );
});
