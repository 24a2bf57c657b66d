// Do the judges of rollouts keep their promises? Simulated rollouts by the real judges and the real decision:
//   node benchmarks/rollout-statistics.ts [--runs 2000] [--curve-runs 400] [--seed 1] [--look-every 5]
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { rolloutPlanSchema } from '../src/control/rollouts/judging/index.ts';
import { formatTable, median, percentile, RESULTS_FOLDER, seededRandom } from './harness/index.ts';
import { lowerBound, upperBound } from './rollouts/binomial.ts';
import { createDraws } from './rollouts/draws.ts';
import { simulateRollout, type SimulatedEnd, type SimulatedRollout } from './rollouts/simulate-rollout.ts';
import { classifier, languageModel, roughModel, type VersionTraits } from './rollouts/simulated-world.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '2000' },
    'curve-runs': { type: 'string', default: '400' },
    seed: { type: 'string', default: '1' },
    'look-every': { type: 'string', default: '5' },
  },
});
const plan = rolloutPlanSchema.parse({});
const lookEvery = Number(values['look-every']);
const shapes: Readonly<Record<string, VersionTraits>> = {
  'language model': languageModel,
  classifier,
  'rough model': roughModel,
};
const LOSSES = [0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.15, 0.2];
const SLOWDOWNS = [1.1, 1.25, 1.5, 1.75, 2, 3];
const ERROR_RATES = [0.01, 0.02, 0.03, 0.05, 0.1, 0.3];

type Pair = Pick<SimulatedRollout, 'current' | 'candidate'> & Partial<Pick<SimulatedRollout, 'compares'>>;

function simulate(pair: Pair, runs: number): readonly SimulatedEnd[] {
  const draws = createDraws(seededRandom(Number(values.seed)));
  const rollout = { plan, lookEvery, compares: 'throughout', ...pair } as const;
  return Array.from({ length: runs }, () => simulateRollout(rollout, draws));
}

const asPercent = (share: number): string => `${(share * 100).toFixed(1)} %`;
const isBack = ({ action }: SimulatedEnd): boolean => action === 'roll-back';

function describeAlike(): string[][] {
  const runs = Number(values.runs);
  return Object.entries(shapes).map(([shape, traits]) => {
    const ends = simulate({ current: traits, candidate: traits }, runs);
    const back = ends.filter(isBack);
    const judges = Object.entries(
      Object.groupBy(
        back.flatMap(({ failed }) => failed),
        (name) => name,
      ),
    ).map(([name, all = []]) => `${name} ${all.length}`);
    console.log(`${shape}: ${back.length} of ${runs} rolled back`);
    return [
      shape,
      `${back.length} of ${runs}`,
      asPercent(back.length / runs),
      asPercent(upperBound(back.length, runs)),
      judges.join(', ') || '–',
    ];
  });
}

const CURVE_HEAD = [
  'in shadow',
  'by 1 %',
  'by 5 %',
  'by 25 %',
  'before 50 %, 95 % CI',
  'ever',
  'median comparisons',
  'p90',
  'median answers to callers',
];

/** One line of a curve: what share is found up to each step, and what it takes. */
function describeFound(name: string, pair: Pair): string[] {
  const runs = Number(values['curve-runs']);
  const ends = simulate(pair, runs);
  const back = ends.filter(isBack);
  const by = (percent: number) => back.filter((end) => end.percent <= percent).length;
  const early = by(49);
  console.log(`${name}: ${early} of ${runs} before 50 %`);
  const comparisons = back.map((end) => end.comparisons);
  const number = (value: number) => (Number.isFinite(value) ? String(Math.round(value)) : '–');
  return [
    name,
    ...[0, 1, 5, 25].map((percent) => asPercent(by(percent) / runs)),
    `${asPercent(early / runs)} (${asPercent(lowerBound(early, runs))}–${asPercent(upperBound(early, runs))})`,
    asPercent(back.length / runs),
    number(median(comparisons)),
    number(percentile(comparisons, 0.9)),
    number(median(back.map(({ exposed }) => exposed))),
  ];
}

function worseBy(loss: number): VersionTraits {
  return { ...languageModel, score: { ...languageModel.score, mean: languageModel.score.mean - loss } };
}

const alike = [['shape', 'rolled back', 'share', '95 % upper bound', 'by'], ...describeAlike()];
const qualityOf = (compares: SimulatedRollout['compares']) =>
  LOSSES.map((loss) => describeFound(asPercent(loss), { current: languageModel, candidate: worseBy(loss), compares }));
const quality = [['loss of score', ...CURVE_HEAD], ...qualityOf('throughout')];
const shadowOnly = [['loss of score', ...CURVE_HEAD], ...qualityOf('before-canary')];
const speed = [
  ['times', ...CURVE_HEAD],
  ...SLOWDOWNS.map((factor) => {
    const candidate = {
      ...languageModel,
      firstTokenMs: languageModel.firstTokenMs * factor,
      gapMs: languageModel.gapMs * factor,
    };
    return describeFound(`× ${factor}`, { current: languageModel, candidate });
  }),
];
const errors = [
  ['failed answers', ...CURVE_HEAD],
  ...ERROR_RATES.map((errorRate) =>
    describeFound(asPercent(errorRate), { current: languageModel, candidate: { ...languageModel, errorRate } }),
  ),
];

const { ofRequests, ofAnswers, mean } = languageModel.score;
const text = `## What the judges of rollouts find

Simulated rollouts with the default plan, by the judges and the decision that the product runs; the judges look after every ${lookEvery} requests.
Rate of false alarms in the plan: ${asPercent(plan.falseAlarmRate)}. Scores: mean ${mean}, standard deviation ${ofRequests} between requests and ${ofAnswers} between answers to
one request. Times are log-normal with a spread of ${languageModel.spread}; ${asPercent(languageModel.errorRate)} of the current version's answers fail.

Versions that are alike:

${formatTable(alike)}

A loss of quality, answers being compared through the canary as well:

${formatTable(quality)}

The same, answers being compared before the canary only (${plan.shadow.comparisons} comparisons):

${formatTable(shadowOnly)}

Slower tokens:

${formatTable(speed)}

More failures (current version: ${asPercent(languageModel.errorRate)}):

${formatTable(errors)}
`;
const csv = Object.entries({ alike, quality, shadowOnly, speed, errors })
  .flatMap(([name, [head = [], ...rows]]) =>
    rows.flatMap((row) =>
      row.slice(1).map((value, column) => [name, row[0], head[column + 1], value].map((cell) => JSON.stringify(cell)).join(',')),
    ),
  )
  .join('\n');
mkdirSync(RESULTS_FOLDER, { recursive: true });
writeFileSync(path.join(RESULTS_FOLDER, 'rollout-statistics.md'), text);
writeFileSync(path.join(RESULTS_FOLDER, 'rollout-statistics.csv'), `table,row,column,value\n${csv}\n`);
console.log(`\n${text}`);
