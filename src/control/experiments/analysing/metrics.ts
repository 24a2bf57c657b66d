import type { Observation } from '../../../core/messages/index.ts';
import type { ExperimentPlan, MetricName } from '../experiment-plan.ts';

/** How a metric is measured. */
export interface MetricFacts {
  readonly unit: 'share' | 'score' | 'ms' | 'tokens';
  /** Ratios are compared by their logarithms: means are geometric, differences are relative. */
  readonly scale: 'ratio' | 'plain';
  readonly better: 'higher' | 'lower';
  readonly words: string;
}

export const metricFacts: Readonly<Record<MetricName, MetricFacts>> = {
  feedback: { unit: 'score', scale: 'plain', better: 'higher', words: 'mean feedback' },
  firstToken: { unit: 'ms', scale: 'ratio', better: 'lower', words: 'time to the first token' },
  interToken: { unit: 'ms', scale: 'ratio', better: 'lower', words: 'gap between tokens' },
  duration: { unit: 'ms', scale: 'ratio', better: 'lower', words: 'duration of an answer' },
  tokensOut: { unit: 'tokens', scale: 'ratio', better: 'lower', words: 'tokens of an answer' },
  errors: { unit: 'share', scale: 'plain', better: 'lower', words: 'share of failed answers' },
  refusals: { unit: 'share', scale: 'plain', better: 'lower', words: 'share of refusals' },
};

const LEAST = 0.01;
const MOST = 1e7;

/** The number of an answer in the metric's scale; undefined when it has none. `feedback` comes later and from elsewhere. */
export function valueOf(metric: MetricName, observation: Observation): number | undefined {
  const { outcome } = observation;
  if (metric === 'errors') return outcome === 'failed' || outcome === 'timeout' ? 1 : outcome === 'ok' ? 0 : undefined;
  if (outcome !== 'ok') return undefined;
  switch (metric) {
    case 'firstToken':
      return logOf(observation.firstTokenMs);
    case 'interToken':
      return logOf(observation.gapMs);
    case 'duration':
      return logOf(observation.totalMs);
    case 'tokensOut':
      return observation.completionTokens === undefined ? undefined : logOf(Math.max(observation.completionTokens, 1));
    case 'refusals':
      return observation.isRefusal === undefined ? undefined : Number(observation.isRefusal);
    case 'feedback':
      return undefined;
  }
}

/** Which way is better in an experiment. */
export function directionOf({ metric, direction }: ExperimentPlan): 'higher' | 'lower' {
  return direction ?? metricFacts[metric].better;
}

function logOf(value: number | undefined): number | undefined {
  return value === undefined || Number.isNaN(value) ? undefined : Math.log(Math.min(Math.max(value, LEAST), MOST));
}
