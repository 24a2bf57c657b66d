import type { MetricName } from '../experiment-plan.ts';
import { metricFacts } from './metrics.ts';

/** `12.5 %`. */
export function asPercent(share: number): string {
  return `${Number((share * 100).toPrecision(3))} %`;
}

/** A difference as limits are given: percentage points of shares, points of scores, percent of times and tokens. */
export function asAmount(metric: MetricName, amount: number): string {
  const { unit } = metricFacts[metric];
  if (unit === 'score') return String(Number(amount.toPrecision(3)));
  return unit === 'share' ? `${Number((amount * 100).toPrecision(3))} points` : asPercent(amount);
}

/** A p-value as people write it. */
export function asP(p: number): string {
  return p < 0.001 ? 'p < 0.001' : `p = ${p.toFixed(3)}`;
}
