import { z } from 'zod';

/**
 * Candidate − current over many blocks, each of which compares the two over the same stretch of time; a block of n and m observations
 * weighs n·m/(n + m), as by Mantel and Haenszel (1959). So neither a change of load during the day nor a change of shares moves it.
 */
export const weightedGapSchema = z.strictObject({
  blocks: z.int().min(0),
  weight: z.number().min(0),
  sum: z.number(),
  squares: z.number().min(0),
});
export type WeightedGap = z.infer<typeof weightedGapSchema>;

export const noGap = (): WeightedGap => ({ blocks: 0, weight: 0, sum: 0, squares: 0 });

/** Takes a block in: what the candidate's mean lies above the current one's. */
export function addGap(gap: WeightedGap, { difference, weight }: { difference: number; weight: number }): void {
  gap.blocks += 1;
  gap.weight += weight;
  gap.sum += weight * difference;
  gap.squares += weight * difference * difference;
}

/** Both lots of blocks together. */
export function mergeGaps(a: WeightedGap, b: WeightedGap): WeightedGap {
  return { blocks: a.blocks + b.blocks, weight: a.weight + b.weight, sum: a.sum + b.sum, squares: a.squares + b.squares };
}

/** The weighted mean difference; undefined before the first block. */
export function gapOf({ weight, sum }: WeightedGap): number | undefined {
  return weight > 0 ? sum / weight : undefined;
}

/** Variance of an observation, as the blocks show it: at least 1/blocks, because equal numbers so far are no proof of equal numbers. */
export function gapVariance({ blocks, weight, sum, squares }: WeightedGap): number {
  if (blocks < 2) return 1;
  return Math.max((squares - (sum * sum) / weight) / (blocks - 1), 1 / blocks);
}
