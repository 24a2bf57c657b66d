import { boundsAtAllTimes, exchangeLogE, gapOf, gapVariance } from '../../../core/statistics/index.ts';
import type { Verdict } from '../verdict.ts';
import type { Directions, EvidenceDocument, MeanJudge, MeanTrack } from './evidence-document.ts';
import { SCALE, type Bench } from './judge-events.ts';
import { meanFacts, type MeanFacts } from './judge-facts.ts';
import { isCertain, isSuspicious, type Levels } from './levels.ts';
import { turnOf } from './mean-track.ts';
import { asNumber, asPercent, lackOf, suspicionOf } from './verdict-words.ts';

/** As {@link judgeEvents}, for means. */
export function judgeMeans(name: MeanJudge, document: Readonly<EvidenceDocument>, bench: Bench): Verdict {
  const track = document.means[name];
  const facts = meanFacts[name];
  const turn = turnOf(name);
  const gap = gapOf(track.whole.worse.gap);
  const seen = { judge: name, ...measure(track, { facts, turn, bench }) };
  const words = gap === undefined ? '' : describeGap({ seen, gap: turn * gap, facts, bench, baseline: document.baseline });
  const beyond = { facts, limit: bench.limit };
  // A machine has slow moments that last a few answers: times decide on no fewer than they need to pass.
  const mayFail = facts.unit !== 'ms' || track.candidate.count >= bench.least;
  const inWhole = mayFail ? findLoss(track.whole, beyond, isCertainAt(bench.levels.whole)) : undefined;
  const inStep = mayFail ? findLoss(track.step, beyond, isCertainAt(bench.levels.step)) : undefined;
  const gapOfFailure = inWhole ?? inStep;
  if (gapOfFailure !== undefined) {
    const where = inWhole === undefined ? `; in this step it is ${asGap(facts, turn * gapOfFailure)}` : '';
    return { ...seen, state: 'fail', reason: `${words}${where}: certainly worse, and beyond the limit` };
  }
  // Where the current version answers nothing any more, waiting would tell nothing.
  const isCompared = !document.isAlone && track.step.worse.gap.blocks > 0;
  if (isCompared && [track.whole, track.step].some((tests) => findLoss(tests, beyond, isSuspicious) !== undefined))
    return { ...seen, ...suspicionOf(words) };
  const lack = lackOf({
    current: track.current.count,
    candidate: track.candidate.count,
    chances: facts.chances(document.counts),
    least: bench.least,
    isRequired: name === 'golden',
    noun: facts.noun,
    absence: facts.absence,
  });
  if (lack !== undefined) return { ...seen, ...lack };
  return name === 'golden' && isVacuous(track)
    ? { ...seen, state: 'off', reason: VACUOUS }
    : { ...seen, state: 'pass', reason: words };
}

const VACUOUS =
  'neither version has answered any golden question as expected, so there is nothing to compare: the model generates no text, or the expectations fit no answer';

function isVacuous({ current, candidate }: MeanTrack): boolean {
  return current.mean === 0 && candidate.mean === 0;
}

/** The gap, turned so that more is worse, where it lies beyond the limit and the evidence is strong enough. */
function findLoss(
  { worse, other }: Directions,
  { facts, limit }: { readonly facts: MeanFacts; readonly limit: number },
  isEnough: (logE: number, directions: number) => boolean,
): number | undefined {
  const gap = gapOf(worse.gap);
  if (gap === undefined) return undefined;
  const directions = other === undefined ? 1 : 2;
  if (lossOf(facts, gap) > limit && isEnough(exchangeLogE(worse), directions)) return gap;
  const isOther = other !== undefined && lossOf(facts, -gap) > limit && isEnough(exchangeLogE(other), directions);
  return isOther ? gap : undefined;
}

/** Two directions share the level. */
function isCertainAt(level: number): (logE: number, directions: number) => boolean {
  return (logE, directions) => isCertain(logE, level / directions);
}

/** How much worse the candidate is, as limits are given; `gap` is turned so that more is worse. */
function lossOf({ scale }: MeanFacts, gap: number): number {
  return scale === 'ratio' ? Math.expm1(gap) : gap;
}

interface Measured {
  readonly facts: MeanFacts;
  readonly turn: 1 | -1;
  readonly bench: Bench;
}

/** Everything in the judge's unit: ratios are turned into differences from the current version's mean. */
function measure(track: MeanTrack, { facts, turn, bench }: Measured): Omit<Verdict, 'judge' | 'state' | 'reason'> {
  const { current, candidate } = track;
  const { limit, levels } = bench;
  const toUnit = facts.scale === 'ratio' ? Math.exp : (value: number) => value;
  const own = toUnit(current.mean);
  const toDifference = (gap: number) => (facts.scale === 'ratio' ? own * Math.expm1(gap) : gap);
  const bounds = boundsOf(track.whole, turn, levels);
  return {
    currentCount: current.count,
    candidateCount: candidate.count,
    ...(current.count > 0 ? { current: own } : {}),
    ...(candidate.count > 0 ? { candidate: toUnit(candidate.mean) } : {}),
    ...(bounds === undefined || current.count === 0
      ? {}
      : {
          difference: {
            estimate: toDifference(bounds.estimate),
            low: toDifference(bounds.low),
            high: toDifference(bounds.high),
          },
        }),
    limit: facts.scale === 'ratio' && current.count > 0 ? own * limit : limit,
    unit: facts.unit,
  };
}

/** Numbers that are far off for one side make no bound that cannot be written down. */
const WIDEST = 50;

/** Bounds by the normal mixture; on the bad side of 0 exactly when the test is certain. */
function boundsOf({ worse, other }: Directions, turn: 1 | -1, { judge, whole }: Levels): Verdict['difference'] {
  const estimate = gapOf(worse.gap);
  if (estimate === undefined || worse.gap.blocks < 2) return undefined;
  const spread = gapVariance(worse.gap);
  const variance = spread / worse.gap.weight;
  const { low, high } = boundsAtAllTimes({ estimate, variance, scale: SCALE * Math.sqrt(spread) }, judge);
  const floor = isCertain(exchangeLogE(worse), whole) ? Math.max(low, 0) : Math.min(low, 0);
  const isBelow = other !== undefined && isCertain(exchangeLogE(other), whole);
  const ceiling = other === undefined ? high : isBelow ? Math.min(high, 0) : Math.max(high, 0);
  const bounds = [
    turn * Math.max(Math.min(floor, estimate), estimate - WIDEST),
    turn * Math.min(Math.max(ceiling, estimate), estimate + WIDEST),
  ];
  return { estimate: turn * estimate, low: Math.min(...bounds), high: Math.max(...bounds) };
}

interface GapWords {
  readonly seen: Pick<Verdict, 'current' | 'candidate' | 'unit'>;
  readonly gap: number;
  readonly facts: MeanFacts;
  readonly bench: Bench;
  readonly baseline: string;
}

function describeGap({ seen, gap, facts, bench, baseline }: GapWords): string {
  const value = (amount = 0) => (facts.unit === 'share' ? asPercent(amount) : `${asNumber(amount)}${unitWord(facts)}`);
  const limit = facts.scale === 'ratio' ? asPercent(bench.limit) : asNumber(bench.limit);
  return `${facts.subject} ${value(seen.candidate)}, ${value(seen.current)} at version ${baseline} (${asGap(facts, gap)}; limit ${limit})`;
}

function unitWord({ unit }: MeanFacts): string {
  if (unit === 'ms' || unit === 'tokens' || unit === 'nats') return ` ${unit}`;
  return '';
}

function asGap({ scale }: MeanFacts, gap: number): string {
  const word = gap >= 0 ? 'more' : 'less';
  return scale === 'ratio' ? `${asPercent(Math.abs(Math.expm1(gap)))} ${word}` : `${asNumber(Math.abs(gap))} ${word}`;
}
