import {
  alwaysValidP,
  boundsAtAllTimes,
  clusteredMean,
  type Bounds,
  type ClusteredMean,
} from '../../../core/statistics/index.ts';
import type { ExperimentEvidence } from './experiment-evidence.ts';
import type { MetricName } from '../experiment-plan.ts';
import { metricFacts } from './metrics.ts';

/** A variance from fewer groups is not worth much. */
export const FEWEST_GROUPS = 15;

/** A metric of two arms, and the size of the effects that are looked for, as limits are given. */
export interface MeanComparison {
  readonly metric: MetricName;
  readonly own: ClusteredMean;
  readonly control: ClusteredMean;
  readonly effect: number;
  readonly alpha: number;
}

/** An arm's mean minus the control's, as limits are given: relative for times and tokens. */
export interface MeanDifference extends Bounds {
  readonly difference: number;
  readonly p: number;
}

export function meanOf(evidence: ExperimentEvidence, arm: string, metric: MetricName): ClusteredMean | undefined {
  const sums = evidence.arms[arm]?.metrics[metric];
  return sums === undefined ? undefined : clusteredMean(sums);
}

export function hasGroups(...means: readonly (ClusteredMean | undefined)[]): boolean {
  return means.every((mean) => mean !== undefined && mean.groups >= FEWEST_GROUPS);
}

export function compareMeans({ metric, own, control, effect, alpha }: MeanComparison): MeanDifference {
  const isRatio = metricFacts[metric].scale === 'ratio';
  const facts = {
    estimate: own.mean - control.mean,
    variance: own.variance + control.variance,
    scale: isRatio ? Math.log1p(effect) : effect,
  };
  const { low, high } = boundsAtAllTimes(facts, alpha);
  const asLimit = (value: number) => (isRatio ? Math.expm1(Math.min(value, 100)) : value);
  return { difference: asLimit(facts.estimate), low: asLimit(low), high: asLimit(high), p: alwaysValidP(facts) };
}
