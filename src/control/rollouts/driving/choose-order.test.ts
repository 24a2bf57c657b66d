import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rolloutPlanSchema } from '../rollout-plan.ts';
import type { Decision, Verdict } from '../verdict.ts';
import { chooseOrder, type Order, type OrderFacts } from './choose-order.ts';

const hold: Decision = { action: 'hold', reason: 'waits for more', failed: [], undecided: ['errors'] };
const golden = [{ question: '?', expect: { contains: ['a'] } }];
const facts: OrderFacts = {
  rollout: { state: 'canary', candidate: '4' },
  plan: rolloutPlanSchema.parse({ patienceMinutes: 10 }),
  decision: hold,
  verdicts: [],
  candidate: { state: 'ready' },
  goldenRounds: 0,
  waitsSince: 0,
  now: 1,
};
const preparing = { ...facts, rollout: { state: 'preparing', candidate: '4' } } as const;
const paused = { state: 'canary', candidate: '4', pausedBecause: 'lunch' } as const;
const advance: Decision = { action: 'advance', reason: 'all judges pass', failed: [], undecided: [] };
const back: Decision = { action: 'roll-back', reason: 'errors: many', failed: ['errors'], undecided: [] };
const failedGolden = { judge: 'golden', state: 'fail', reason: 'wrong' } as Verdict;
const withGolden = rolloutPlanSchema.parse({ golden });
const LATE = 10 * 60_000;

const rows: ReadonlyArray<readonly [title: string, facts: OrderFacts, kind: string, words: RegExp]> = [
  ['a candidate that loads is waited for', { ...preparing, candidate: { state: 'loading' } }, 'hold', /being loaded/],
  ['loading takes longer than patience', { ...preparing, candidate: { state: 'loading' }, now: LATE }, 'hold', /being loaded/],
  [
    'one that does not load fails',
    { ...preparing, candidate: { state: 'failed', reason: 'cut off' } },
    'failed',
    /loaded: cut off$/,
  ],
  ['one that has loaded goes on', preparing, 'next', /version 4 is loaded and has answered/],
  [
    'a paused one does not go on when loaded',
    { ...preparing, rollout: { ...paused, state: 'preparing' } },
    'hold',
    /paused: lunch/,
  ],
  [
    'golden questions come before the first request',
    { ...preparing, plan: withGolden },
    'hold',
    /1 golden questions are being asked/,
  ],
  ['a round of golden questions lets it go on', { ...preparing, plan: withGolden, goldenRounds: 1 }, 'next', /has answered/],
  ['failed golden questions end it at once', { ...preparing, verdicts: [failedGolden] }, 'rolled-back', /^golden: wrong/],
  ['judges that all pass move it on', { ...facts, decision: advance }, 'next', /all judges pass/],
  [
    'the last step promotes in the same way',
    { ...facts, decision: { ...advance, action: 'promote' } },
    'next',
    /all judges pass/,
  ],
  ['each step asks its golden questions first', { ...facts, decision: advance, plan: withGolden }, 'hold', /golden/],
  [
    'golden questions without a judge are not waited for',
    { ...facts, decision: advance, plan: rolloutPlanSchema.parse({ golden, judges: { golden: null } }) },
    'next',
    /pass/,
  ],
  ['a pause holds what would move on', { ...facts, decision: advance, rollout: paused }, 'hold', /paused: lunch/],
  ['a pause does not hold what goes back', { ...facts, decision: back, rollout: paused }, 'rolled-back', /errors: many/],
  [
    'a candidate that is absent does not move on',
    { ...facts, decision: advance, candidate: { state: 'absent', reason: 'x' } },
    'hold',
    /does not answer/,
  ],
  [
    'one that is gone goes back',
    { ...facts, candidate: { state: 'absent', reason: 'for 30 s', isGone: true } },
    'rolled-back',
    /no more: for 30 s/,
  ],
  [
    'one that cannot be loaded again goes back',
    { ...facts, candidate: { state: 'failed', reason: 'x' } },
    'rolled-back',
    /^errors: /,
  ],
  ['too little evidence is waited for', facts, 'hold', /waits for more/],
  ['patience ends', { ...facts, now: LATE }, 'pause', /nothing has been decided in 10 minutes: waits for more/],
  ['no patience is endless patience', { ...facts, plan: withGolden, goldenRounds: 1, now: LATE }, 'hold', /waits for more/],
  ['what is paused does not lose its patience', { ...facts, rollout: paused, now: LATE }, 'hold', /paused: lunch/],
];

for (const [title, given, kind, words] of rows) {
  test(title, () => {
    const order: Order = chooseOrder(given);
    assert.equal(order.kind === 'move' ? order.to : order.kind, kind);
    assert.match(order.reason, words);
  });
}
