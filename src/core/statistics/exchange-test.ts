import { z } from 'zod';
import { OTHER, logAdd, logMeanExp, type Side } from './two-sides.ts';
import { addGap, mergeGaps, noGap, weightedGapSchema } from './weighted-gap.ts';

/** How strongly a difference is bet on: from differences of some units down to hundredths. Fixed, so that evidence of several lots adds up. */
const TILTS = [0.5, 1, 2, 4, 8, 16, 32, 64] as const;

const logsSchema = z.array(z.number()).length(TILTS.length);

/**
 * Whether numbers of the candidate are larger than those of the current version: an e-process of H0 "both are drawn alike", which may be
 * looked at after every number and asks nothing of their distribution. Each block in which one side has a single number x yields
 * n·e^{λx} / Σ e^{λxᵢ}, whose mean over all ways to deal the n numbers out is 1 (Ren and Barber, soft-rank e-values; Koning 2023).
 * The evidence is the mean over several λ. Plain data, changed in place.
 */
export const exchangeTestSchema = z.strictObject({
  logs: logsSchema,
  gap: weightedGapSchema,
  open: z
    .strictObject({ side: z.enum(['current', 'candidate']), count: z.int().min(1), sum: z.number(), logSums: logsSchema })
    .optional(),
});
export type ExchangeTest = z.infer<typeof exchangeTestSchema>;
type OpenBlock = NonNullable<ExchangeTest['open']>;

/** Numbers of one side that wait for one of the other. */
const LONGEST_WAIT = 5_000;

/** Before the first number. */
export const noExchangeTest = (): ExchangeTest => ({ logs: TILTS.map(() => 0), gap: noGap() });

/** Takes one number in; ends the block when the other side has numbers in it. What is not finite is passed over. */
export function addNumber(test: ExchangeTest, side: Side, value: number): void {
  if (!Number.isFinite(value)) return;
  const { open } = test;
  if (open === undefined || (open.side === side && open.count >= LONGEST_WAIT)) test.open = openBlock(side, value);
  else if (open.side === side) grow(open, value);
  else {
    delete test.open;
    close(test, open, value);
  }
}

/** Takes two numbers in that belong together, such as those of one comparison. */
export function addPair(test: ExchangeTest, pair: { readonly current: number; readonly candidate: number }): void {
  if (!Number.isFinite(pair.current) || !Number.isFinite(pair.candidate)) return;
  close(test, openBlock('current', pair.current), pair.candidate);
}

/** Forgets the block that is open: another stretch of time begins. */
export function dropOpenNumbers(test: ExchangeTest): void {
  delete test.open;
}

/** Logarithm of the evidence against H0: it exceeds ln(1/α) at some time with a chance of at most α when H0 holds. */
export function exchangeLogE({ logs }: ExchangeTest): number {
  return logMeanExp(logs);
}

/** The evidence of two lots of blocks, in any order. Of open blocks those of the candidate are kept, as they are rarer. */
export function mergeExchangeTests(a: ExchangeTest, b: ExchangeTest): ExchangeTest {
  const merged: ExchangeTest = {
    logs: a.logs.map((log, index) => log + (b.logs[index] ?? 0)),
    gap: mergeGaps(a.gap, b.gap),
  };
  const open = mergeOpen(a.open, b.open);
  return open === undefined ? merged : { ...merged, open };
}

function mergeOpen(a: OpenBlock | undefined, b: OpenBlock | undefined): OpenBlock | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  if (a.side !== b.side) return a.side === 'candidate' ? a : b;
  return {
    side: a.side,
    count: a.count + b.count,
    sum: a.sum + b.sum,
    logSums: a.logSums.map((log, index) => logAdd(log, b.logSums[index] ?? -Infinity)),
  };
}

/** The many are summed as e^{λx} when they are the current ones, as e^{−λx} when they are the candidate's. */
const SIGN: Readonly<Record<Side, number>> = { current: 1, candidate: -1 };

function openBlock(side: Side, value: number): OpenBlock {
  return { side, count: 1, sum: value, logSums: TILTS.map((tilt) => SIGN[side] * tilt * value) };
}

function grow(open: OpenBlock, value: number): void {
  open.count += 1;
  open.sum += value;
  const signed = SIGN[open.side] * value;
  TILTS.forEach((tilt, index) => (open.logSums[index] = logAdd(open.logSums[index] ?? -Infinity, tilt * signed)));
}

function close(test: ExchangeTest, many: OpenBlock, single: number): void {
  const all = many.count + 1;
  const signed = SIGN[many.side] * single;
  TILTS.forEach((tilt, index) => {
    const own = tilt * signed;
    const mean = logAdd(many.logSums[index] ?? own, own) - Math.log(all);
    test.logs[index] = (test.logs[index] ?? 0) + own - mean;
  });
  const mean = many.sum / many.count;
  const difference = OTHER[many.side] === 'candidate' ? single - mean : mean - single;
  addGap(test.gap, { difference, weight: many.count / all });
}
