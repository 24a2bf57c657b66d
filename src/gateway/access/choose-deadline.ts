import { PlinthError } from '../../core/errors/index.ts';

export interface DeadlineFacts {
  /** The `x-request-timeout-ms` header. */
  readonly header: string | undefined;
  readonly requestTimeoutMs: number;
  readonly nowMs: number;
}

/** When an answer must be complete: a caller may shorten the configured time, never lengthen it. Throws `invalid_request`. */
export function chooseDeadlineMs(facts: DeadlineFacts): number {
  if (facts.header === undefined) return facts.nowMs + facts.requestTimeoutMs;
  if (!/^[0-9]{1,12}$/.test(facts.header) || Number(facts.header) === 0) {
    const message = 'The header x-request-timeout-ms must be a whole number of milliseconds, at least 1.';
    throw new PlinthError({ code: 'invalid_request', message, param: 'x-request-timeout-ms' });
  }
  return facts.nowMs + Math.min(Number(facts.header), facts.requestTimeoutMs);
}
