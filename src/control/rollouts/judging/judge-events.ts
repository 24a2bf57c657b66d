import {
  boundsAtAllTimes,
  classTotals,
  eventTotals,
  gapOf,
  stabilityIndex,
  sumOf,
  type EventTally,
  type EventTest,
} from '../../../core/statistics/index.ts';
import type { Verdict } from '../verdict.ts';
import type { EventJudge, EvidenceDocument } from './evidence-document.ts';
import { eventFacts } from './judge-facts.ts';
import { isCertain, isSuspicious, type Levels } from './levels.ts';
import { asNumber, asPercent, lackOf, suspicionOf } from './verdict-words.ts';

/** What a judge goes by. */
export interface Bench {
  readonly limit: number;
  readonly levels: Levels;
  readonly least: number;
}

/** Where bounds are tightest: a difference of a third of a standard deviation, which takes about a hundred answers to see. */
export const SCALE = Math.sqrt(0.1);

/**
 * Fails when it is certain that it happens more often at all, and the estimate lies beyond the limit: over the whole, or in this step.
 * An estimate beyond the limit that is not certain is no pass: more answers decide.
 */
export function judgeEvents(name: EventJudge, document: Readonly<EvidenceDocument>, bench: Bench): Verdict {
  const { whole, step } = document.events[name];
  const facts = eventFacts[name];
  const [current, candidate] = [eventTotals(whole, 'current'), eventTotals(whole, 'candidate')];
  const seen = {
    judge: name,
    currentCount: current.count,
    candidateCount: candidate.count,
    ...(current.count > 0 ? { current: shareOf(current) } : {}),
    ...(candidate.count > 0 ? { candidate: shareOf(candidate) } : {}),
    ...differenceOf(whole, bench.levels),
    limit: bench.limit,
    unit: 'share',
  };
  const tallies = describeTallies({ current, candidate, verb: facts.verb, baseline: document.baseline });
  const inStep = fails(step, bench.levels.step, bench.limit);
  if (inStep || fails(whole, bench.levels.whole, bench.limit)) {
    const where = inStep && !fails(whole, bench.levels.whole, bench.limit) ? ' in this step' : '';
    const reason = `${tallies}: certainly more${where}, and beyond the limit of ${asPercent(bench.limit)} more`;
    return { ...seen, state: 'fail', reason };
  }
  if ([whole, step].some((test) => looksWorse(test, bench.limit))) return { ...seen, ...suspicionOf(tallies) };
  const lack = lackOf({
    current: current.count,
    candidate: candidate.count,
    least: bench.least,
    ...facts,
    chances: facts.chances(document.counts),
  });
  return lack === undefined ? { ...seen, state: 'pass', reason: tallies } : { ...seen, ...lack };
}

function fails(test: EventTest, level: number, limit: number): boolean {
  return isCertain(test.logE, level) && (gapOf(test.gap) ?? 0) > limit;
}

function looksWorse(test: EventTest, limit: number): boolean {
  return isSuspicious(test.logE) && (gapOf(test.gap) ?? 0) > limit;
}

/** Bounds by the normal mixture, with one hit and one miss added to both; and beyond 0 exactly when the test is certain. */
function differenceOf(test: EventTest, { judge, whole }: Levels): Pick<Verdict, 'difference'> {
  const estimate = gapOf(test.gap);
  if (estimate === undefined) return {};
  const spread = Math.max(spreadOf(test.current), spreadOf(test.candidate));
  const bounds = boundsAtAllTimes({ estimate, variance: spread / test.gap.weight, scale: SCALE * Math.sqrt(spread) }, judge);
  const low = isCertain(test.logE, whole) ? Math.max(bounds.low, 0) : Math.min(bounds.low, 0);
  return {
    difference: {
      estimate,
      low: Math.max(Math.min(low, estimate), -1),
      high: Math.min(bounds.high, 1),
    },
  };
}

function spreadOf({ count, hits }: EventTally): number {
  const share = (hits + 1) / (count + 2);
  return share * (1 - share);
}

function shareOf({ count, hits }: EventTally): number {
  return hits / count;
}

interface Tallies {
  readonly current: EventTally;
  readonly candidate: EventTally;
  readonly verb: string;
  readonly baseline: string;
}

function describeTallies({ current, candidate, verb, baseline }: Tallies): string {
  const share = candidate.count > 0 ? ` (${asPercent(shareOf(candidate))})` : '';
  const own = current.count > 0 ? ` (${asPercent(shareOf(current))})` : '';
  return `${candidate.hits} of ${candidate.count} answers ${verb}${share}, ${current.hits} of ${current.count} of version ${baseline}${own}`;
}

/** Fails when it is certain that the classes are others, and the population stability index lies above the limit. */
export function judgeDrift({ classes, counts }: Readonly<EvidenceDocument>, { limit, levels, least }: Bench): Verdict {
  const [current, candidate] = [classTotals(classes, 'current'), classTotals(classes, 'candidate')];
  const [currentCount, candidateCount] = [sumOf(current), sumOf(candidate)];
  const index = stabilityIndex(current, candidate);
  const seen = { judge: 'drift', currentCount, candidateCount, limit, unit: 'index' } as const;
  const words = `the stability index of the classes of ${candidateCount} answers is ${asNumber(index)} (limit ${asNumber(limit)})`;
  if (index > limit && isCertain(classes.logE, levels.judge))
    return { ...seen, candidate: index, state: 'fail', reason: `${words}: the classes are certainly others` };
  if (index > limit && isSuspicious(classes.logE)) return { ...seen, candidate: index, ...suspicionOf(words) };
  const lack = lackOf({
    current: currentCount,
    candidate: candidateCount,
    chances: counts.liveCandidate,
    least,
    isRequired: false,
    noun: 'answers with a class',
    absence:
      'no caller has had a class as the candidate’s answer yet: this is judged on live answers of models that have classes',
  });
  return lack === undefined ? { ...seen, candidate: index, state: 'pass', reason: words } : { ...seen, ...lack };
}
