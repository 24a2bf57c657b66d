import type { ErrorCode } from '../errors/index.ts';
import type { Outcome } from './evidence.ts';

/** Failures that a version answers for. */
const FAILED: ReadonlySet<ErrorCode> = new Set([
  'engine_failed',
  'replica_lost',
  'internal_error',
  'model_unavailable',
  'insufficient_storage',
  'invalid_template',
  'invalid_model_file',
]);
const TIMEOUT: ReadonlySet<ErrorCode> = new Set(['deadline_exceeded', 'queue_timeout']);

/** How a request counts that ended with this failure, or with none. What is neither a version's fault nor its slowness is `refused`. */
export function outcomeOf(failure: ErrorCode | undefined): Outcome {
  if (failure === undefined) return 'ok';
  if (failure === 'cancelled') return 'cancelled';
  if (TIMEOUT.has(failure)) return 'timeout';
  return FAILED.has(failure) ? 'failed' : 'refused';
}
