import { z } from 'zod';

/**
 * Sums of numbers in groups, where numbers of one group may depend on each other and those of different groups do not: the requests of a
 * caller always fall into the same group. Plain data, changed in place.
 */
export const clusteredSumsSchema = z.strictObject({ counts: z.array(z.number().min(0)), sums: z.array(z.number()) });
export type ClusteredSums = z.infer<typeof clusteredSumsSchema>;

/** Of no numbers, in so many groups. */
export const noClusteredSums = (groups: number): ClusteredSums => ({
  counts: Array.from({ length: groups }, () => 0),
  sums: Array.from({ length: groups }, () => 0),
});

/** Takes one number of a group in; what is not finite is passed over. */
export function addToCluster(sums: ClusteredSums, group: number, value: number): void {
  if (!Number.isFinite(value) || sums.counts[group] === undefined) return;
  sums.counts[group] += 1;
  sums.sums[group] = (sums.sums[group] ?? 0) + value;
}

/** Both lots together, group by group. */
export function mergeClusteredSums(a: ClusteredSums, b: ClusteredSums): ClusteredSums {
  return {
    counts: a.counts.map((count, group) => count + (b.counts[group] ?? 0)),
    sums: a.sums.map((sum, group) => sum + (b.sums[group] ?? 0)),
  };
}

/** The mean over all numbers, and how far off it may be. */
export interface ClusteredMean {
  readonly count: number;
  /** Groups that have any. */
  readonly groups: number;
  readonly mean: number;
  /** Squared standard error, robust to dependence within groups; at least 1/count², so never 0. */
  readonly variance: number;
}

/** The ratio estimator with a linearised variance between groups (Cochran 1977, chapter 6); undefined without numbers. */
export function clusteredMean({ counts, sums }: ClusteredSums): ClusteredMean | undefined {
  const count = counts.reduce((all, one) => all + one, 0);
  if (count === 0) return undefined;
  const mean = sums.reduce((all, one) => all + one, 0) / count;
  const groups = counts.filter((one) => one > 0).length;
  const squares = counts.reduce((all, one, group) => all + ((sums[group] ?? 0) - mean * one) ** 2, 0);
  const between = groups < 2 ? 1 : (squares * groups) / (groups - 1) / (count * count);
  return { count, groups, mean, variance: Math.max(between, 1 / (count * count)) };
}
