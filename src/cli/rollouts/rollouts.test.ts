import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { openPaper } from '../../../tests/support/paper-terminal.ts';
import { isUsageError } from '../terminal/index.ts';
import { readRolloutPlan, type PlanFlags } from './read-rollout-plan.ts';
import { rolloutSchema, type ShownRollout, type ShownVerdict } from './rollout-document.ts';
import { describeMove, drawRollout } from './rollout-picture.ts';
import { describeExposure, listMissing } from './rollout-words.ts';
import { describeGap, drawVerdicts } from './verdict-table.ts';

const NOON = new Date(2026, 10, 24, 12, 0, 0).getTime();
const percents = [1, 25, 100];

interface Given extends Partial<ShownRollout> {
  /** The step that it is at: 0 prepare, 1 shadow, 2 … the canary, then promoted. */
  readonly at?: number;
}

function rollout({ at = 3, ...fields }: Given): ShownRollout {
  const isRunning = fields.isRunning ?? true;
  const after = isRunning ? 'next' : 'skipped';
  const stateOf = (i: number) => (i < at ? 'done' : i === at ? 'current' : after);
  const needed = { count: 50, of: 'answers', minutes: 0 };
  const steps = [
    { name: 'prepare', percent: 0 },
    { name: 'shadow', percent: 0, needed: { ...needed, of: 'comparisons' } },
    ...percents.map((percent) => ({ name: `canary ${percent} %`, percent, needed })),
    { name: 'promoted', percent: 100 },
  ];
  return rolloutSchema.parse({
    id: 'r_1',
    model: 'chat',
    from: '3',
    to: '4',
    state: 'canary',
    isRunning,
    percent: 25,
    headline: '',
    reason: 'all judges that are on pass',
    startedBy: 'local',
    startedAt: NOON,
    stateSince: NOON + 60_000,
    steps: steps.map((step, i) => ({ ...step, state: stateOf(i), ...(i === at && 'needed' in step && { seen: 25 }) })),
    missing: [],
    verdicts: [],
    history: [],
    ...fields,
  });
}

const verdict = (fields: Partial<ShownVerdict>): ShownVerdict => ({
  judge: 'errors',
  state: 'pass',
  currentCount: 300,
  candidateCount: 100,
  current: 0.01,
  candidate: 0.02,
  difference: { estimate: 0.01, low: -0.02, high: 0.04 },
  limit: 0.005,
  unit: 'share',
  reason: 'the reason of the judge',
  ...fields,
});

const slow = verdict({
  judge: 'interToken',
  state: 'fail',
  current: 10,
  candidate: 44,
  difference: { estimate: 34, low: 20, high: 50 },
  limit: 5,
  unit: 'ms',
});

const draw = (shown: ShownRollout, columns = 80) => drawRollout(shown, openPaper({ columns }), { now: NOON + 90_000 });

test('a rollout in its canary shows its steps, how far it is, what it waits for and what the judges say', () => {
  const few = verdict({
    judge: 'similarity',
    state: 'not-enough-data',
    unit: 'score',
    current: 0.9,
    candidate: 0.88,
    limit: 0.03,
  });
  const shown = rollout({
    verdicts: [
      verdict({}),
      { ...few, difference: { estimate: -0.02, low: -0.3, high: 0.2 } },
      verdict({ judge: 'cost', state: 'off' }),
    ],
    missing: ['25 more answers of the candidate', `similarity: ${few.reason}`],
  });
  assert.equal(
    draw(shown),
    `chat 3 → 4  canary 25 %
Version 4 answers 25 % of requests, version 3 the rest.

●────────●───────●─────◉─────○──────○
prepare  shadow  1 %   25 %  100 %  promoted

So far     ████████████░░░░░░░░░░░░  25 of 50 answers
Waits for  more for the judges similarity (100 so far)

JUDGE       VERDICT      VERSION 3  VERSION 4  CHANGE    LIMIT     SEEN
errors      ✔ pass             1 %        2 %   +1 pt  +0.5 pt  300/100
similarity  … undecided        0.9       0.88   −0.02    −0.03  300/100
cost is off; --all shows why

r_1, begun 12:00:00 by local, in this step for 30 s
`,
  );
});

test('a rollout that was rolled back says by which judge, by how much, and how many callers met it', () => {
  const counts = { comparisons: 60, liveCurrent: 997, liveCandidate: 3, stepCandidate: 3 };
  const shown = rollout({
    at: 2,
    state: 'rolled-back',
    isRunning: false,
    percent: 0,
    endedAt: NOON + 61_000,
    counts,
    verdicts: [slow],
  });
  assert.equal(
    draw(shown),
    `chat 3 → 4  rolled-back
Rolled back: version 3 answers every request.
✖ interToken: 44 ms instead of 10 ms: +340 %, limit +50 %
Callers got 3 of 1000 answers from version 4 (0.3 %).

●────────●───────✖─────·─────·──────·
prepare  shadow  1 %   25 %  100 %  promoted

JUDGE       VERDICT  VERSION 3  VERSION 4  CHANGE  LIMIT     SEEN
interToken  ✖ FAIL       10 ms      44 ms  +340 %  +50 %  300/100

r_1, begun 12:00:00 by local, ended 12:01:01 after 1 m 01 s
`,
  );
});

const pictures: ReadonlyArray<readonly [title: string, given: Given, parts: readonly RegExp[]]> = [
  [
    'preparing',
    { at: 0, state: 'preparing', percent: 0, reason: 'version 4 is being loaded', missing: ['version 4 is being loaded'] },
    [/^Version 4 gets no requests yet: version 4 is being loaded\.$/m, /^◉─+○/m],
  ],
  [
    'shadowing',
    { at: 1, state: 'shadowing', percent: 0 },
    [/gets copies of requests, callers are answered by version 3/, /25 of 50 comparisons$/m],
  ],
  ['at 100 %', { at: 4, percent: 100 }, [/answers every request and is still judged/]],
  ['paused', { paused: 'lunch' }, [/canary 25 %, paused$/m, /^Paused: lunch$/m, /^Waits for {2}resume, promote or abort/m]],
  [
    'promoted',
    { at: 9, state: 'promoted', isRunning: false, percent: 100, endedAt: NOON + 9_000 },
    [/^Promoted: version 4 answers every request\.$/m, /^●─+●─+●─+●─+●─+●$/m],
  ],
  [
    'aborted',
    { state: 'aborted', isRunning: false, reason: 'aborted by local: it is late' },
    [/^Why: aborted by local: it is late$/m, /✖/],
  ],
  [
    'failed',
    {
      at: 0,
      state: 'failed',
      isRunning: false,
      reason: 'version 4 could not be loaded',
      verdicts: [verdict({ currentCount: 0, candidateCount: 0 })],
    },
    [/^Failed: version 3 answers every request\.$/m, /^✖─/m, /^(?![^]*JUDGE)/],
  ],
  [
    'with minutes to wait',
    {
      mayMoveOnAt: NOON + 120_000,
      steps: [{ name: 'canary 5 %', state: 'current', percent: 5, seen: 9, needed: { count: 9, of: 'answers', minutes: 2 } }],
    },
    [/9 of 9 answers, not before 12:02:00$/m],
  ],
];

for (const [title, given, parts] of pictures) {
  test(`the picture of a rollout ${title} says so in plain words`, () => {
    const text = draw(rollout(given));
    for (const part of parts) assert.match(text, part);
  });
}

test('callers that stick together and miss a small share are told of, once that is no chance any more', () => {
  const counts = { comparisons: 60, liveCurrent: 5000, liveCandidate: 0, stepCandidate: 0 };
  assert.match(draw(rollout({ at: 2, percent: 1, counts })), /plinth traffic set chat\s+--sticky request/);
  assert.doesNotMatch(draw(rollout({ at: 2, percent: 1, counts: { ...counts, stepCandidate: 1 } })), /Hint/);
  const told = 'version 4 has answered none of the requests of this step so far: …';
  const shown = draw(rollout({ missing: [told] }));
  assert.match(shown, /^Hint {7}requests of one caller/m);
  assert.doesNotMatch(shown, /answered none/);
});

test('no line of a picture is wider than its terminal, whatever its documents say', () => {
  const word = fc.stringMatching(/^[a-z %]{0,200}$/);
  fc.assert(
    fc.property(fc.integer({ min: 80, max: 160 }), fc.array(word, { maxLength: 4 }), word, (columns, missing, reason) => {
      const shown = rollout({ missing, paused: reason, verdicts: [slow, verdict({ state: 'not-enough-data', reason })] });
      return draw(shown, columns)
        .split('\n')
        .every((line) => [...line].length <= columns || !line.includes(' '));
    }),
  );
});

test('steps that do not fit a line stand below each other', () => {
  const steps = Array.from({ length: 20 }, (_, i) => ({
    name: `canary ${i + 1} %`,
    percent: i + 1,
    state: i < 2 ? ('done' as const) : ('next' as const),
  }));
  assert.match(draw(rollout({ steps }), 80), /^● 1 %\n● 2 %\n○ 3 %$/m);
});

test('colours follow what a step and a verdict mean', () => {
  const shown = rollout({ at: 2, state: 'rolled-back', isRunning: false, verdicts: [slow] });
  const text = drawRollout(shown, openPaper({ columns: 100, withStyles: true }), { now: NOON });
  assert.match(text, /<green>●<\/green><green>─+<\/green><green>●/);
  assert.match(text, /<red>✖<\/red><dim>─+<\/dim><dim>·/);
  assert.match(text, /<red>✖ FAIL ?<\/red>/);
});

test('judges that are off are shown with their reasons when all are asked for', () => {
  const off = verdict({ judge: 'golden', state: 'off', reason: 'the plan has no golden questions' });
  const view = { current: 'A', candidate: 'B', withOff: true as const };
  assert.match(drawVerdicts([verdict({}), off], view, openPaper()), /^golden {2}– off {2}the plan has no golden questions$/m);
});

const gaps: ReadonlyArray<readonly [fields: Partial<ShownVerdict>, words: string]> = [
  [{}, '2 % instead of 1 %: +1 pt, limit +0.5 pt'],
  [
    { judge: 'tokensOut', unit: 'tokens', current: 10, candidate: 4, difference: { estimate: -6, low: -7, high: -5 }, limit: 5 },
    '4 instead of 10: −60 %, limit ±50 %',
  ],
  [
    {
      judge: 'similarity',
      unit: 'score',
      current: 1,
      candidate: 0.41,
      difference: { estimate: -0.59, low: -1, high: -0.2 },
      limit: 0.03,
    },
    '0.41 instead of 1: −0.59, limit −0.03',
  ],
  [{ difference: undefined }, 'the reason of the judge'],
];

for (const [fields, words] of gaps) {
  test(`a gap reads "${words}"`, () => assert.equal(describeGap(verdict(fields)), words));
}

test('drift has an index and no difference', () => {
  const { difference: _, current: __, ...rest } = verdict({ judge: 'drift', unit: 'index', candidate: 0.4, limit: 0.25 });
  assert.equal(describeGap(rest), '0.4: 0.4, limit 0.25');
});

test('what is missing is short: numbers of the bar are left out, judges stand together, at most five by name', () => {
  const verdicts = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((judge, i) =>
    verdict({ judge, state: 'not-enough-data', candidateCount: i, reason: `few of ${judge}` }),
  );
  const missing = [
    '3 more answers of the candidate',
    '2 more minutes',
    ...verdicts.map(({ judge, reason }) => `${judge}: ${reason}`),
    'the moon',
  ];
  assert.deepEqual(listMissing(rollout({ missing, verdicts })), [
    'the moon',
    'more for the judges a (0 so far), b (1 so far), c (2 so far), d (3 so far), e (4 so far) and 2 more judges',
  ]);
});

test('a candidate that no caller has met is said to be so', () => {
  const counts = { comparisons: 9, liveCurrent: 100, liveCandidate: 0, stepCandidate: 0 };
  assert.equal(describeExposure(rollout({ counts })), 'No caller got an answer of version 4.');
  assert.equal(describeExposure(rollout({})), undefined);
});

test('one line tells where a rollout that is followed through a pipe is', () => {
  assert.equal(describeMove(rollout({})), 'chat 3 → 4 canary 25 % 25 of 50 answers');
  assert.equal(describeMove(rollout({ paused: 'lunch' })), 'chat 3 → 4 canary 25 % paused: lunch');
});

const plans: ReadonlyArray<readonly [flags: PlanFlags, file: Record<string, unknown>, plan: object]> = [
  [{}, { judges: {} }, { judges: {} }],
  [{ steps: '5,100' }, {}, { steps: [{ percent: 5 }, { percent: 100 }] }],
  [
    { steps: '5', requests: '9', minutes: '0.5' },
    {},
    { steps: [{ percent: 5, requests: 9, minutes: 0.5 }], shadow: { comparisons: 9 } },
  ],
  [{ minutes: '1' }, {}, { steps: [1, 5, 25, 50, 100].map((percent) => ({ percent, minutes: 1 })) }],
  [
    { requests: '9' },
    { steps: [{ percent: 50 }], shadow: { share: 0.5 } },
    { steps: [{ percent: 50, requests: 9 }], shadow: { share: 0.5 } },
  ],
];

for (const [flags, file, plan] of plans) {
  test(`plan flags ${JSON.stringify(flags)} over ${JSON.stringify(file)} make a plan`, () => {
    assert.deepEqual(readRolloutPlan(flags, file), plan);
  });
}

for (const flags of [{ steps: '1,x' }, { requests: '0' }, { requests: '1.5' }, { minutes: '' }]) {
  test(`plan flags ${JSON.stringify(flags)} are refused`, () => {
    assert.throws(
      () => readRolloutPlan(flags),
      (error) => isUsageError(error),
    );
  });
}

test('how many answers were the same is drawn exactly and but for case and punctuation, of both versions', () => {
  const agreement = { comparisons: 30, exact: 12, normalised: 15, referenceExact: 20, referenceNormalised: 30 };
  const picture = draw(rollout({ verdicts: [verdict({})], agreement }), 200);
  assert.match(
    picture,
    /^Same  version 4 gives the same answer as version 3 in 40 % of 30 comparisons exactly, in 50 % but for case and punctuation; 66\.7 % and 100 % when version 3 is asked again$/m,
  );
  assert.doesNotMatch(draw(rollout({ verdicts: [verdict({})] })), /Same/);
});
