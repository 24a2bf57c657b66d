import { errorTable, type ErrorFacts } from '../../core/errors/index.ts';

export interface ObtainFailure {
  readonly error: ErrorFacts;
  /** Failures in a row, with this one. */
  readonly failures: number;
  /** Random, 0 ≤ jitter < 1. */
  readonly jitter: number;
}

const FIRST_MS = 5_000;
const MOST_MS = 300_000;

/** When to ask the sources of a model again, in milliseconds; undefined when only a person can help. */
export function chooseObtainRetry({ error, failures, jitter }: ObtainFailure): number | undefined {
  if (!errorTable[error.code].isRetryable) return undefined;
  return Math.round(Math.min(MOST_MS, FIRST_MS * 2 ** Math.min(failures - 1, 30) * (0.8 + 0.4 * jitter)));
}
