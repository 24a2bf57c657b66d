import type { MetricName } from '../experiment-plan.ts';

/** An arm against the control. Differences are absolute for shares and scores and relative for times and tokens. */
export interface ArmComparison {
  readonly difference: number;
  /** Of a confidence sequence: it holds at all times together. */
  readonly low: number;
  readonly high: number;
  /** Always valid, however often it is looked at; the least one seen. */
  readonly p: number;
  /** `alike`: different by less than the smallest effect that matters. */
  readonly state: 'better' | 'worse' | 'alike' | 'undecided' | 'not-enough-data';
}

/** What is known of one arm. Means of times and tokens are geometric. */
export interface ArmResult {
  readonly name: string;
  readonly version: string;
  readonly weight: number;
  readonly isControl: boolean;
  readonly requests: number;
  /** Answers that the metric could be told of. */
  readonly measured: number;
  /** Groups of units that they came from, at most 100; the more, the surer. */
  readonly groups: number;
  /** Units that were given this arm. */
  readonly assigned: number;
  readonly mean?: number;
  readonly versusControl?: ArmComparison;
}

/** One guard of one arm. */
export interface GuardReport {
  readonly metric: MetricName;
  readonly arm: string;
  readonly limit: number;
  readonly state: 'holds' | 'broken' | 'not-enough-data';
  readonly reason: string;
}

/** The state of an experiment in numbers and in words. */
export interface ExperimentResult {
  readonly metric: MetricName;
  readonly unit: 'share' | 'score' | 'ms' | 'tokens';
  readonly direction: 'higher' | 'lower';
  readonly arms: readonly ArmResult[];
  readonly guards: readonly GuardReport[];
  /** Whether units were dealt out as the weights say; false with a chance of 0.1 % where they were. */
  readonly followsWeights: boolean;
  /** Every arm is better, worse or no different. */
  readonly isDecided: boolean;
  readonly conclusion: string;
}
