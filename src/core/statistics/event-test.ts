import { z } from 'zod';
import { addGap, mergeGaps, noGap, weightedGapSchema } from './weighted-gap.ts';
import type { Side } from './two-sides.ts';

const tallySchema = z.strictObject({ count: z.int().min(0), hits: z.int().min(0) });

/**
 * Whether something happens more often to the candidate's answers than to the current ones: an e-process of H0 "not more often", which
 * may be looked at after every answer. `logE` is the logarithm of the evidence against H0: it exceeds ln(1/α) at some time with a chance of
 * at most α when H0 holds. Plain data, changed in place.
 */
export const eventTestSchema = z.strictObject({
  logE: z.number(),
  current: tallySchema,
  candidate: tallySchema,
  gap: weightedGapSchema,
  open: z.strictObject({ current: tallySchema, candidate: tallySchema }),
});
export type EventTest = z.infer<typeof eventTestSchema>;
export type EventTally = z.infer<typeof tallySchema>;

/** What was seen of both over one stretch of time. */
export interface EventBlock {
  readonly current: EventTally;
  readonly candidate: EventTally;
}

/** Runs of candidates without a current answer between them; longer ones are held against what the current version did before. */
const LONGEST_ALONE = 16;
/** Current answers that wait for one of the candidate; those before say nothing of the same time any more. */
const LONGEST_WAIT = 5_000;

const noTally = (): EventTally => ({ count: 0, hits: 0 });

/** Before the first answer. */
export const noEventTest = (): EventTest => ({
  logE: 0,
  current: noTally(),
  candidate: noTally(),
  gap: noGap(),
  open: { current: noTally(), candidate: noTally() },
});

/**
 * Takes one answer in. A block ends with the first answer that makes it have some of both: when it ends depends on whose answers
 * came, never on how they ended.
 */
export function addEvent(test: EventTest, side: Side, outcome: 'hit' | 'miss'): void {
  const { open } = test;
  open[side].count += 1;
  if (outcome === 'hit') open[side].hits += 1;
  const isWhole = open.current.count > 0 && open.candidate.count > 0;
  if (isWhole || open.candidate.count >= LONGEST_ALONE || open.current.count >= LONGEST_WAIT) endEventBlock(test);
}

/** Ends the block that is open, before another stretch of time begins. */
export function endEventBlock(test: EventTest): void {
  const block = test.open;
  test.open = { current: noTally(), candidate: noTally() };
  addEventBlock(test, block);
}

/**
 * Takes a block in whose sizes do not depend on what happened in it. Evidence as by Turner, Ly and Grünwald, "Generic E-variables for
 * exact sequential k-sample tests that allow for optional stopping" (2021), with rates estimated from the blocks before.
 */
export function addEventBlock(test: EventTest, block: EventBlock): void {
  const { current, candidate } = block;
  if (current.count > 0 && candidate.count > 0) takePaired(test, block);
  else if (candidate.count > 0) takeAlone(test, candidate);
  test.current = addTallies(test.current, current);
  test.candidate = addTallies(test.candidate, candidate);
}

function takePaired(test: EventTest, { current, candidate }: EventBlock): void {
  const n = current.count;
  const m = candidate.count;
  addGap(test.gap, { difference: candidate.hits / m - current.hits / n, weight: (n * m) / (n + m) });
  const own = guessCurrent(test.current);
  const other = guessCandidate(test.candidate);
  if (other <= own) return;
  const both = (n * own + m * other) / (n + m);
  test.logE += logRatio(current, own, both) + logRatio(candidate, other, both);
}

/** Without current answers of the same time the rate is bounded from above by those of before, by about three standard errors. */
function takeAlone(test: EventTest, candidate: EventTally): void {
  const { count, hits } = eventTotals(test, 'current');
  if (count === 0) return;
  addGap(test.gap, {
    difference: candidate.hits / candidate.count - hits / count,
    weight: (candidate.count * count) / (candidate.count + count),
  });
  const bound = (hits + 3 * Math.sqrt(hits + 1) + 3) / count;
  const other = guessCandidate(test.candidate);
  if (other > bound) test.logE += logRatio(candidate, other, bound);
}

function logRatio({ count, hits }: EventTally, rate: number, nullRate: number): number {
  return hits * Math.log(rate / nullRate) + (count - hits) * (Math.log1p(-rate) - Math.log1p(-nullRate));
}

/** Things that are counted here are rare where all is well; of a candidate nothing is known. */
function guessCurrent({ count, hits }: EventTally): number {
  return (hits + 0.1) / (count + 2.1);
}

function guessCandidate({ count, hits }: EventTally): number {
  return (hits + 0.5) / (count + 1);
}

/** The evidence of two lots of blocks, in any order. */
export function mergeEventTests(a: EventTest, b: EventTest): EventTest {
  return {
    logE: a.logE + b.logE,
    current: addTallies(a.current, b.current),
    candidate: addTallies(a.candidate, b.candidate),
    gap: mergeGaps(a.gap, b.gap),
    open: {
      current: addTallies(a.open.current, b.open.current),
      candidate: addTallies(a.open.candidate, b.open.candidate),
    },
  };
}

/** All that were seen of one side, those of the open block included. */
export function eventTotals(test: EventTest, side: Side): EventTally {
  return addTallies(test[side], test.open[side]);
}

function addTallies(a: EventTally, b: EventTally): EventTally {
  return { count: a.count + b.count, hits: a.hits + b.hits };
}
