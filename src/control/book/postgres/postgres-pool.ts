import { Client, Pool, type ClientConfig, type PoolClient } from 'pg';
import type { PostgresPool, PostgresPoolClient } from 'kysely';
import { failureOf, UnreachableError } from './postgres-failure.ts';

const MOST_CONNECTIONS = 8;
const IDLE_TIMEOUT_MS = 30_000;

/**
 * A connection whose loss ends no process: pg emits `error` on connections that are idle, handed out between two statements, or logging
 * in, and an emitted error without a listener is thrown.
 */
export class CalmClient extends Client {
  /** From now on the connection alone keeps no process alive. pg has it, its types do not. */
  declare readonly unref: () => void;

  constructor(config?: string | ClientConfig) {
    super(config);
    this.on('error', () => {});
  }
}

/** Connections for kysely. What fails in them is an `UnreachableError`, a `LostRaceError` or a `PlinthError`. */
export function openPool(config: ClientConfig): PostgresPool {
  const pool = new Pool({
    ...config,
    max: MOST_CONNECTIONS,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    allowExitOnIdle: true,
    Client: CalmClient,
  });
  pool.on('error', () => {});
  return {
    options: {},
    end: () => pool.end(),
    connect: async () => {
      try {
        return careful(await pool.connect());
      } catch (error) {
        throw failureOf(error);
      }
    },
  };
}

/** A connection that failed once answers nothing more, and does not go back to the pool. */
function careful(client: PoolClient): PostgresPoolClient {
  let lost: UnreachableError | undefined;
  // Kysely's other way to ask, by a cursor, is not used.
  const query: unknown = async (text: unknown, values?: readonly unknown[]) => {
    if (lost !== undefined) throw lost;
    try {
      return await client.query(text as string, values as unknown[]);
    } catch (error) {
      const failure = failureOf(error);
      if (failure instanceof UnreachableError) lost = failure;
      throw failure;
    }
  };
  return {
    query: query as PostgresPoolClient['query'],
    release: (isUnusable = false) => client.release(isUnusable || lost !== undefined),
  };
}
