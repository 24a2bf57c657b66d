import { DatabaseError } from 'pg';
import { PlinthError } from '../../../core/errors/index.ts';

const RETRY_AFTER_MS = 1_000;

/**
 * SQLSTATEs that say that this database does nothing for us now, whatever is asked: connection exceptions (08), shutdown and crash
 * (57P), too many connections, a login that is refused (28), a database that is not there. PostgreSQL manual, appendix A.
 */
const UNREACHABLE = /^(?:08...|57P..|53300|28...|3D000)$/;
/** Wrong login or no such database: nothing that waiting cures. */
const MISCONFIGURED = /^(?:28...|3D000)$/;
/** Lost against another transaction: serialization failure and deadlock. */
const LOST_RACE = /^40(?:001|P01)$/;
/** It answers and refuses for now: no resources, read-only, lock or statement took too long. */
const REFUSED_FOR_NOW = /^(?:53...|25006|55P03|57014)$/;

/** No answer of the database. Says nothing of the address, the user or the password. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
  /** An SQLSTATE or the code of the system: `ECONNREFUSED`. */
  readonly reason: string;

  constructor(reason: string) {
    super(`the database cannot be reached (${reason})`);
    this.reason = reason;
  }

  get isMisconfiguration(): boolean {
    return MISCONFIGURED.test(this.reason);
  }
}

/** Another transaction was first; trying again can help. */
export class LostRaceError extends Error {
  override readonly name = 'LostRaceError';
}

/** What a failure of pg means. Its own words are left out: they hold addresses, user names and the contents of rows. */
export function failureOf(error: unknown): Error {
  const state = sqlStateOf(error);
  if (state === undefined) return new UnreachableError(systemCodeOf(error));
  if (UNREACHABLE.test(state)) return new UnreachableError(state);
  if (LOST_RACE.test(state)) return new LostRaceError(`lost against another transaction (${state})`);
  if (REFUSED_FOR_NOW.test(state)) {
    const message = `the database refuses this for now (SQLSTATE ${state})`;
    return new PlinthError({ code: 'model_unavailable', message, retryAfterMs: RETRY_AFTER_MS });
  }
  const table = error instanceof DatabaseError && error.table !== undefined ? `, table ${error.table}` : '';
  return new PlinthError({ code: 'internal_error', message: `the database refuses a statement (SQLSTATE ${state}${table})` });
}

/** What callers are told while the database is gone. */
export function unavailable(reason: string, note = ''): PlinthError {
  const message = `the database of the book cannot be reached (${reason}): serving goes on from the last known state, changes are refused until it is back${note}`;
  return new PlinthError({ code: 'model_unavailable', message, retryAfterMs: RETRY_AFTER_MS });
}

function sqlStateOf(error: unknown): string | undefined {
  return error instanceof DatabaseError && error.code !== undefined ? error.code : undefined;
}

function systemCodeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string' && /^[A-Z][A-Z0-9_]{1,63}$/.test(error.code))
    return error.code;
  const isTimeout = error instanceof Error && /time(?:d )?out|timeout/i.test(error.message);
  return isTimeout ? 'timeout' : 'connection lost';
}
