import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AuditRecord, RolloutRecord } from '../../core/records/index.ts';
import { describeRollout, explainRollout } from './describe-rollout.ts';
import { describeJudgement, type Judgement } from './judgement.ts';
import { rolloutPlanSchema } from './rollout-plan.ts';

const plan = rolloutPlanSchema.parse({ steps: [{ percent: 7, requests: 50, minutes: 10 }, { percent: 100 }] });
const NOW = 20 * 60_000;
const canary: RolloutRecord = {
  id: 'r_1',
  model: 'chat',
  baseline: '3',
  candidate: '4',
  plan: {},
  state: 'canary',
  step: 0,
  share: 0.07,
  reason: 'all 9 judges pass',
  evidence: {},
  verdicts: {},
  startedBy: 'local',
  startedAt: 0,
  stepStartedAt: NOW - 4 * 60_000,
  revision: 3,
};
const verdict = { currentCount: 9, candidateCount: 3, limit: 0.1, unit: 'share' } as const;
const judgement: Judgement = {
  at: NOW - 1,
  verdicts: [
    { ...verdict, judge: 'errors', state: 'pass', reason: 'none failed' },
    { ...verdict, judge: 'feedback', state: 'not-enough-data', reason: '3 of 20 so far' },
  ],
  decision: { action: 'hold', reason: 'waits for 40 more answers at 7 %', failed: [], undecided: ['feedback'] },
  golden: { rounds: 0, next: 0, of: 0 },
  counts: { comparisons: 30, liveCurrent: 100, liveCandidate: 10, stepCandidate: 10 },
  dropped: 0,
};
const judged = { ...canary, verdicts: describeJudgement(judgement) };
const facts = { plan, history: [], now: NOW };

test('a canary tells its share, what it has and lacks, and until when it bakes', () => {
  const document = describeRollout(judged, facts);
  assert.equal(document.percent, 7);
  assert.equal(document.headline, 'chat answers 7 % of requests with version 4: waits for 40 more answers at 7 %');
  assert.deepEqual(document.missing, ['40 more answers of the candidate', '6 more minutes', 'feedback: 3 of 20 so far']);
  assert.equal(document.mayMoveOnAt, canary.stepStartedAt + 10 * 60_000);
  const step = document.steps.find(({ state }) => state === 'current');
  assert.deepEqual(step, {
    name: 'canary 7 %',
    state: 'current',
    percent: 7,
    needed: { count: 50, of: 'answers', minutes: 10 },
    seen: 10,
  });
});

test('a rollout that nobody has judged yet is described without verdicts', () => {
  const document = describeRollout({ ...canary, state: 'preparing', share: 0, reason: 'version 4 is being loaded' }, facts);
  assert.deepEqual(document.verdicts, []);
  assert.equal(document.counts, undefined);
  assert.deepEqual(document.missing, ['version 4 is being loaded']);
});

test('a frozen rollout explains itself: the pause first, then what else is missing', () => {
  const why = explainRollout({ ...judged, pausedBecause: 'lunch' }, facts);
  assert.equal(why.headline, 'chat stands still at 7 % for version 4: lunch');
  assert.deepEqual(why.because.slice(0, 2), ['paused: lunch', '40 more answers of the candidate']);
  assert.deepEqual(
    why.undecided.map(({ judge }) => judge),
    ['feedback'],
  );
});

test('a rollout that waits only for its own reason says that reason', () => {
  const counts = { ...judgement.counts, stepCandidate: 60 };
  const decision = { ...judgement.decision, reason: 'version 4 does not answer at the moment' };
  const waiting = describeJudgement({ ...judgement, verdicts: [], counts, decision });
  const why = explainRollout({ ...canary, stepStartedAt: 0, verdicts: waiting }, facts);
  assert.deepEqual(why.because, ['version 4 does not answer at the moment']);
});

test('one that was rolled back says which judge decided, and keeps the step where it stopped', () => {
  const failed = { ...verdict, judge: 'errors', state: 'fail', reason: '3 of 3 answers failed' } as const;
  const ended: RolloutRecord = {
    ...canary,
    state: 'rolled-back',
    share: 0,
    reason: 'errors: 3 of 3 answers failed',
    endedAt: NOW,
    verdicts: describeJudgement({ ...judgement, verdicts: [failed] }),
  };
  const detail = {
    from: { state: 'canary', step: 0, share: 0.07 },
    to: { state: 'rolled-back', step: 0, share: 0 },
    reason: ended.reason,
  };
  const entry: AuditRecord = {
    sequence: 9,
    at: NOW,
    actor: 'autopilot',
    action: 'rollout.rolled-back',
    subject: 'rollout r_1',
    detail,
    digest: '',
  };
  const why = explainRollout(ended, { ...facts, history: [entry] });
  assert.equal(why.headline, 'chat was rolled back to version 3: errors: 3 of 3 answers failed');
  assert.deepEqual(why.because, ['errors: 3 of 3 answers failed']);
  assert.equal(why.lastMove?.actor, 'autopilot');
  const { steps, missing } = describeRollout(ended, { ...facts, history: [entry] });
  assert.deepEqual(
    steps.map(({ state }) => state),
    ['done', 'done', 'current', 'skipped', 'skipped'],
  );
  assert.deepEqual(missing, []);
});

test('documents of another release are no judgement', () => {
  assert.deepEqual(describeRollout({ ...canary, verdicts: { verdicts: 'none' } }, facts).verdicts, []);
});

test('a canary that no caller was dealt to says so, once that is odd', () => {
  const none = { ...judgement, counts: { ...judgement.counts, stepCandidate: 0 } };
  const stuck = { ...canary, verdicts: describeJudgement(none) };
  const because = explainRollout(stuck, facts).because.join();
  assert.match(because, /version 4 has answered none .* requests that traffic\.sticky keeps together/);
  assert.doesNotMatch(explainRollout({ ...stuck, share: 0.01 }, facts).because.join(), /sticky/);
  assert.doesNotMatch(explainRollout({ ...stuck, stepStartedAt: NOW }, facts).because.join(), /sticky/);
  assert.doesNotMatch(explainRollout(judged, facts).because.join(), /sticky/);
});

test('how many answers were the same is shown beside the verdicts and in the explanation, and left out where none is known', () => {
  const agreement = { comparisons: 30, exact: 12, normalised: 15, referenceExact: 20, referenceNormalised: 22 };
  const compared = { ...canary, verdicts: describeJudgement({ ...judgement, agreement }) };
  assert.deepEqual(describeRollout(compared, facts).agreement, agreement);
  assert.deepEqual(explainRollout(compared, facts).agreement, agreement);
  assert.ok(!('agreement' in describeRollout(judged, facts)));
});
