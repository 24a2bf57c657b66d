import { z } from 'zod';

/** Count, mean and sum of squared deviations of numbers; plain data, changed in place. */
export const momentsSchema = z.strictObject({ count: z.int().min(0), mean: z.number(), squares: z.number().min(0) });
export type Moments = z.infer<typeof momentsSchema>;

/** Of no numbers. */
export const noMoments = (): Moments => ({ count: 0, mean: 0, squares: 0 });

/** Takes one number in (Welford 1962). What is not finite is passed over. */
export function addMoment(moments: Moments, value: number): void {
  if (!Number.isFinite(value)) return;
  moments.count += 1;
  const step = value - moments.mean;
  moments.mean += step / moments.count;
  moments.squares += step * (value - moments.mean);
}

/** The moments of both lots of numbers together (Chan, Golub, LeVeque 1979). */
export function mergeMoments(a: Moments, b: Moments): Moments {
  const count = a.count + b.count;
  if (count === 0) return noMoments();
  const step = b.mean - a.mean;
  return {
    count,
    mean: (a.count * a.mean + b.count * b.mean) / count,
    squares: a.squares + b.squares + (step * step * a.count * b.count) / count,
  };
}

/** Of a sample; 0 of fewer than two numbers. */
export function varianceOf({ count, squares }: Moments): number {
  return count < 2 ? 0 : squares / (count - 1);
}
