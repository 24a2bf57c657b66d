import { createHash } from 'node:crypto';
import { Client, types, type ClientConfig } from 'pg';
import { PlinthError } from '../../../core/errors/index.ts';

const CONNECT_TIMEOUT_MS = 5_000;
const STATEMENT_TIMEOUT_MS = 5_000;
/** Longer than the database's own limit, so that it speaks first where it is alive. */
const ANSWER_TIMEOUT_MS = 6_000;
const IDLE_IN_TRANSACTION_MS = 15_000;
const KEEP_ALIVE_MS = 10_000;
const INT8 = 20;

/** Where a PostgreSQL book lies. */
export interface PostgresAddress {
  readonly config: ClientConfig;
  /** Digest of host, port and database: tells one database from another without saying which. */
  readonly identity: string;
}

/**
 * Reads a `postgres://` or `postgresql://` URL, with TLS and the rest by its own parameters (`sslmode`, `sslrootcert`, `host` for a unix
 * socket, …; pg-connection-string). Throws `invalid_request` without a word of the URL.
 */
export function readAddress(url: string): PostgresAddress {
  if (!/^postgres(?:ql)?:\/\//i.test(url)) throw unusable('it must begin with postgres:// or postgresql://');
  const config: ClientConfig = {
    connectionString: url,
    fallback_application_name: 'plinth',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: ANSWER_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    types: { getTypeParser },
  };
  try {
    const { host, port, database } = new Client(config);
    const identity = createHash('sha256')
      .update(JSON.stringify([host, port, database]))
      .digest('hex');
    return { config, identity };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'not a valid address';
    throw unusable(code);
  }
}

function unusable(why: string): PlinthError {
  return new PlinthError({ code: 'invalid_request', message: `the address of the database cannot be used: ${why}` });
}

/** Whole numbers of 64 bits come as text by default. */
const getTypeParser: typeof types.getTypeParser = (oid: number, format?: 'text' | 'binary') =>
  oid === INT8 && format !== 'binary' ? readWhole : types.getTypeParser(oid, format as 'text');

function readWhole(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError('a number of the database is too large');
  return value;
}
