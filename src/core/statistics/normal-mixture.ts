/** An estimate whose error is about normal. */
export interface Estimate {
  readonly estimate: number;
  /** Squared standard error; above 0. */
  readonly variance: number;
  /** Standard deviation of the differences that are looked for: where the bounds are tightest. Fixed before the first look. */
  readonly scale: number;
}

/** Bounds that hold at all times together. */
export interface Bounds {
  readonly low: number;
  readonly high: number;
}

/**
 * A confidence sequence at level 1 − `alpha`: a mixture of normals (Robbins 1970), valid for means of anything once there are enough of
 * them (Waudby-Smith et al. 2021, "Time-uniform central limit theory and asymptotic confidence sequences").
 */
export function boundsAtAllTimes({ estimate, variance, scale }: Estimate, alpha: number): Bounds {
  const prior = scale * scale;
  const radius = Math.sqrt((variance * (variance + prior) * Math.log((variance + prior) / (variance * alpha * alpha))) / prior);
  return { low: estimate - radius, high: estimate + radius };
}

/**
 * The p-value of "no difference" by the mixture sequential probability ratio test (Johari, Pekelis, Walsh 2017). Valid at any
 * time of looking; the least one seen so far is valid as well.
 */
export function alwaysValidP({ estimate, variance, scale }: Estimate): number {
  const prior = scale * scale;
  const all = variance + prior;
  const logRatio = 0.5 * Math.log(variance / all) + (prior * estimate * estimate) / (2 * variance * all);
  return Math.min(1, Math.exp(-logRatio));
}
