import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openPaper } from '../../../tests/support/paper-terminal.ts';
import { isUsageError } from '../terminal/index.ts';
import { experimentSchema, type ShownExperiment } from './experiment-document.ts';
import { describeStage, drawExperiment } from './experiment-picture.ts';
import { readExperimentPlan, type ExperimentFlags } from './read-experiment-plan.ts';

const NOON = new Date(2026, 10, 24, 12, 0, 0).getTime();

function experiment(fields: Partial<ShownExperiment> = {}): ShownExperiment {
  const arm = { weight: 1, requests: 120, measured: 120, assigned: 40, groups: 40 };
  return experimentSchema.parse({
    id: 'x_0123456789abcdef',
    model: 'chat',
    state: 'running',
    startedBy: 'local',
    startedAt: NOON,
    reason: 'it is running',
    metric: 'duration',
    unit: 'ms',
    direction: 'lower',
    arms: [
      { ...arm, name: 'old', version: '3', isControl: true, mean: 120 },
      {
        ...arm,
        name: 'new',
        version: '4',
        isControl: false,
        mean: 90,
        versusControl: { difference: -0.25, low: -0.31, high: -0.18, p: 0.0002, state: 'better' },
      },
    ],
    guards: [{ metric: 'errors', arm: 'new', limit: 0.02, state: 'holds', reason: 'share of failed answers is alike' }],
    followsWeights: true,
    isDecided: true,
    conclusion: 'new is better: it is quicker. errors hold',
    plan: { mostRequests: 1000, mostMinutes: 0 },
    ...fields,
  });
}

test('an experiment shows each arm with its difference, bounds and p-value, its guards and its conclusion', () => {
  assert.equal(
    drawExperiment(experiment(), openPaper({ columns: 120 }), NOON + 60_000),
    `chat  duration, lower is better  running, decided
So far   new is better: it is quicker
         errors hold

ARM            VERSION  SHARE  REQUESTS  UNITS    MEAN  DIFFERENCE        BETWEEN        P  VERDICT
old (control)        3   50 %       120     40  120 ms           -              -        -
new                  4   50 %       120     40   90 ms       −25 %  −31 % … −18 %  < 0.001  ✔ better

GUARD   ARM  STATE    WHY
errors  new  ✔ holds  share of failed answers is alike

x_0123456789abcdef, begun 12:00:00 by local, for 1 m 00 s, ends after 1000 answers
`,
  );
});

test('an experiment that has ended says why', () => {
  const ended = experiment({ state: 'stopped', reason: 'new breaks the guard errors', endedAt: NOON + 5_000 });
  const text = drawExperiment(ended, openPaper(), NOON + 60_000);
  assert.match(
    text,
    /^chat {2}duration, lower is better {2}stopped\nStopped {2}new breaks the guard errors\nResult {3}new is better/,
  );
  assert.match(text, /took 5\.0 s$/m);
});

test('shares differ by points, scores by what they are', () => {
  const shown = experiment();
  const of = (unit: string, mean: number, difference: number) => {
    const arms = shown.arms.map((arm) => ({
      ...arm,
      mean,
      ...(arm.versusControl && { versusControl: { ...arm.versusControl, difference } }),
    }));
    return drawExperiment({ ...shown, unit, arms }, openPaper(), NOON);
  };
  assert.match(of('share', 0.015, 0.01), / 1\.5 % +\+1 pt /);
  assert.match(of('score', 0.82, -0.031), / 0\.82 +−0\.031 /);
});

test('an arm without answers has too little to go by', () => {
  const arms = experiment().arms.map(({ mean: _, versusControl: __, ...arm }) => arm);
  assert.match(drawExperiment(experiment({ arms, isDecided: false }), openPaper(), NOON), /^new .* … too little$/m);
});

test('one line tells where an experiment that is followed through a pipe is', () => {
  assert.equal(describeStage(experiment()), 'chat running, 240 answers new is better: it is quicker. errors hold');
});

const arms = ['old=1', 'new=2:3'];
const plans: ReadonlyArray<readonly [flags: ExperimentFlags, file: Record<string, unknown>, plan: object]> = [
  [
    { arm: arms, metric: 'feedback', guard: ['errors=0.02'], mostMinutes: '5', sticky: 'header:x-tenant' },
    {},
    {
      arms: [
        { name: 'old', version: '1' },
        { name: 'new', version: '2', weight: 3 },
      ],
      metric: 'feedback',
      guards: [{ metric: 'errors', limit: 0.02 }],
      mostMinutes: 5,
      sticky: { by: 'header', header: 'x-tenant' },
    },
  ],
  [
    { metric: 'errors' },
    { arms: [{ name: 'a', version: 1 }], metric: 'duration', minimumEffect: 0.1 },
    { arms: [{ name: 'a', version: '1' }], metric: 'errors', minimumEffect: 0.1 },
  ],
];

for (const [flags, file, plan] of plans) {
  test(`experiment flags ${JSON.stringify(flags)} over ${JSON.stringify(file)} make a plan`, () => {
    assert.deepEqual(readExperimentPlan(flags, file), plan);
  });
}

const refused: ReadonlyArray<readonly [flags: ExperimentFlags, words: RegExp]> = [
  [{ metric: 'errors' }, /two arms or more are needed: --arm old=1 --arm new=2/],
  [{ arm: arms }, /--metric feedback, duration/],
  [{ arm: ['old'], metric: 'errors' }, /name=version:weight/],
  [{ arm: ['old=x'], metric: 'errors' }, /name=version:weight/],
  [{ arm: ['old=1:heavy'], metric: 'errors' }, /'heavy' is no number/],
  [{ arm: arms, metric: 'errors', guard: ['errors'] }, /metric=limit/],
  [{ arm: arms, metric: 'errors', mostMinutes: 'x' }, /--most-minutes: 'x' is no number/],
];

for (const [flags, words] of refused) {
  test(`experiment flags ${JSON.stringify(flags)} are refused with what is expected`, () => {
    assert.throws(
      () => readExperimentPlan(flags),
      (error) => error instanceof Error && isUsageError(error) && words.test(error.message),
    );
  });
}
