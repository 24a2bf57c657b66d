import type { ExperimentRecord } from '../../core/records/index.ts';
import type { ExperimentResult } from './analysing/index.ts';

/** An experiment on one line of a list. */
export interface ExperimentSummary {
  readonly id: string;
  readonly model: string;
  readonly state: ExperimentRecord['state'];
  readonly startedBy: string;
  /** Unix milliseconds. */
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly reason: string;
}

/** An experiment with everything that is known of it. */
export interface ExperimentDocument extends ExperimentSummary, ExperimentResult {
  readonly plan: ExperimentRecord['plan'];
  /** How the numbers were made, in words. */
  readonly method: string;
}

export function summarize({ id, model, state, startedBy, startedAt, endedAt, reason }: ExperimentRecord): ExperimentSummary {
  return { id, model, state, startedBy, startedAt, ...(endedAt === undefined ? {} : { endedAt }), reason };
}

const METHOD =
  'means over requests, with variances between groups of units (requests that stick together), so that requests of one caller are not taken for independent; p-values and bounds are always valid: look at them as often as you like';

export function describeExperiment(record: ExperimentRecord, result: ExperimentResult): ExperimentDocument {
  return { ...summarize(record), ...result, plan: record.plan, method: METHOD };
}
