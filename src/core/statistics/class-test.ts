import { z } from 'zod';
import type { Side } from './two-sides.ts';

const countsSchema = z.record(z.string(), z.int().min(0));

/**
 * Whether answers fall into other classes than they did: an e-process of H0 "alike", and the counts for the population stability index.
 * `logE` exceeds ln(1/α) at some time with a chance of at most α when H0 holds. Plain data, changed in place.
 */
export const classTestSchema = z.strictObject({
  logE: z.number(),
  current: countsSchema,
  candidate: countsSchema,
  open: z.strictObject({ current: countsSchema, candidate: countsSchema }),
});
export type ClassTest = z.infer<typeof classTestSchema>;
type Counts = Record<string, number>;

const MOST_CLASSES = 100;
const LONGEST_NAME = 64;
/** Before every name, so that none is a word of JavaScript's objects. */
const NAMED = 'c:';
/** Classes that came after {@link MOST_CLASSES} others. */
const REST = 'rest';
const LONGEST_WAIT = 5_000;
/** Observations that the pooled shares count for in each side's own. */
const PRIOR_WEIGHT = 10;
/** For classes that were seen by one side only. */
const SMOOTHING = 0.5;

/** Before the first answer. */
export const noClassTest = (): ClassTest => ({ logE: 0, current: {}, candidate: {}, open: { current: {}, candidate: {} } });

/** Takes the class of one answer in. A block ends with the first answer that makes it have some of both. */
export function addClass(test: ClassTest, side: Side, name: string): void {
  const label = labelOf(test, name);
  test.open[side][label] = (test.open[side][label] ?? 0) + 1;
  const [current, candidate] = [sumOf(test.open.current), sumOf(test.open.candidate)];
  if ((current > 0 && candidate > 0) || Math.max(current, candidate) >= LONGEST_WAIT) endClassBlock(test);
}

/** Ends the block that is open, before another stretch of time begins. */
export function endClassBlock(test: ClassTest): void {
  const { open } = test;
  test.logE += logRatioOf(test, open);
  test.current = addCounts(test.current, open.current);
  test.candidate = addCounts(test.candidate, open.candidate);
  test.open = { current: {}, candidate: {} };
}

/** The evidence of two lots of blocks, in any order. */
export function mergeClassTests(a: ClassTest, b: ClassTest): ClassTest {
  return {
    logE: a.logE + b.logE,
    current: addCounts(a.current, b.current),
    candidate: addCounts(a.candidate, b.candidate),
    open: { current: addCounts(a.open.current, b.open.current), candidate: addCounts(a.open.candidate, b.open.candidate) },
  };
}

/** All answers of one side, those of the open block included. */
export function classTotals(test: ClassTest, side: Side): Readonly<Counts> {
  return addCounts(test[side], test.open[side]);
}

/** Number of answers in counts by class. */
export function sumOf(counts: Readonly<Counts>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

/**
 * Population stability index of two histograms: 0 alike, 0.1 a little, 0.25 much changed. Half an answer is added to every class, so
 * that a class which one side lacks does not make it infinite; 0 when either is empty.
 */
export function stabilityIndex(current: Readonly<Counts>, candidate: Readonly<Counts>): number {
  const names = [...new Set([...Object.keys(current), ...Object.keys(candidate)])];
  const [n, m] = [sumOf(current), sumOf(candidate)];
  if (n === 0 || m === 0) return 0;
  return names.reduce((sum, name) => {
    const p = ((current[name] ?? 0) + SMOOTHING) / (n + SMOOTHING * names.length);
    const q = ((candidate[name] ?? 0) + SMOOTHING) / (m + SMOOTHING * names.length);
    return sum + (q - p) * Math.log(q / p);
  }, 0);
}

/** The classes of a block with shares estimated before it (Turner, Ly and Grünwald 2021, for more than two outcomes). */
function logRatioOf(test: ClassTest, open: ClassTest['open']): number {
  const [n, m] = [sumOf(open.current), sumOf(open.candidate)];
  if (n === 0 || m === 0) return 0;
  const pooled = addCounts(test.current, test.candidate);
  const guess = guessShares(pooled, [test.current, test.candidate]);
  return Object.keys(addCounts(open.current, open.candidate)).reduce((sum, name) => {
    const [own, other] = guess(name);
    const both = (n * own + m * other) / (n + m);
    return sum + (open.current[name] ?? 0) * Math.log(own / both) + (open.candidate[name] ?? 0) * Math.log(other / both);
  }, 0);
}

/** Classes that nobody has had yet count as one. */
function guessShares(pooled: Readonly<Counts>, sides: readonly [Readonly<Counts>, Readonly<Counts>]) {
  const all = sumOf(pooled) + SMOOTHING * (Object.keys(pooled).length + 1);
  const totals = sides.map(sumOf);
  return (name: string): [number, number] => {
    const share = ((pooled[name] ?? 0) + SMOOTHING) / all;
    const of = (index: 0 | 1) => ((sides[index][name] ?? 0) + PRIOR_WEIGHT * share) / ((totals[index] ?? 0) + PRIOR_WEIGHT);
    return [of(0), of(1)];
  };
}

function labelOf(test: ClassTest, name: string): string {
  const label = NAMED + name.slice(0, LONGEST_NAME);
  const known = new Set(
    [test.current, test.candidate, test.open.current, test.open.candidate].flatMap((counts) => Object.keys(counts)),
  );
  return known.has(label) || known.size < MOST_CLASSES ? label : REST;
}

function addCounts(a: Readonly<Counts>, b: Readonly<Counts>): Counts {
  const sum: Counts = { ...a };
  for (const [name, count] of Object.entries(b)) sum[name] = (sum[name] ?? 0) + count;
  return sum;
}
