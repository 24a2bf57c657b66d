import { errorTable, type ErrorCode } from './error-table.ts';

/** What crosses a process boundary when something fails. Safe to show to a caller: no paths, addresses or stacks. */
export interface ErrorFacts {
  readonly code: ErrorCode;
  readonly message: string;
  /** The request field at fault, as the caller wrote it: `messages[0].content`. */
  readonly param?: string;
  /** How long a caller should wait before it tries again, in milliseconds. */
  readonly retryAfterMs?: number;
}

/** The one error class of the product. Anything else that is thrown is a defect and reaches callers as `internal_error`. */
export class PlinthError extends Error {
  override readonly name = 'PlinthError';
  readonly facts: ErrorFacts;

  constructor(facts: ErrorFacts, options?: ErrorOptions) {
    super(facts.message, options);
    this.facts = facts;
  }

  get code(): ErrorCode {
    return this.facts.code;
  }

  get status(): number {
    return errorTable[this.facts.code].status;
  }
}

/** The facts of anything thrown; a defect becomes `internal_error` without its own words. */
export function errorFactsOf(thrown: unknown): ErrorFacts {
  if (thrown instanceof PlinthError) return thrown.facts;
  return { code: 'internal_error', message: 'The server had an internal error while processing your request.' };
}
