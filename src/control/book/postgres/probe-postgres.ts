import { PlinthError } from '../../../core/errors/index.ts';
import { readAddress } from './postgres-address.ts';
import { failureOf, UnreachableError } from './postgres-failure.ts';
import { CalmClient } from './postgres-pool.ts';

/** What a database says of itself and of the book in it. */
export interface PostgresFacts {
  /** `16.4` */
  readonly release: string;
  readonly encoding: string;
  /** The newest step of the schema; absent where there is no book yet. */
  readonly schema?: number;
  /** Whether this login could make the tables that are missing. */
  readonly mayCreate: boolean;
}

const QUESTION = `SELECT current_setting('server_version') AS release, current_setting('server_encoding') AS encoding,
  to_regclass('plinth.migrations') IS NOT NULL AS has_book,
  CASE WHEN to_regnamespace('plinth') IS NULL THEN has_database_privilege(current_database(), 'CREATE')
       ELSE has_schema_privilege('plinth', 'CREATE') END AS may_create`;

interface Answer {
  readonly release: string;
  readonly encoding: string;
  readonly has_book: boolean;
  readonly may_create: boolean;
}

/**
 * Asks a database once and changes nothing. Throws `invalid_request` for an address that is none, `model_unavailable` when nothing answers,
 * `internal_error` when the login is refused; never a word of the address.
 */
export async function probePostgres(databaseUrl: string): Promise<PostgresFacts> {
  const client = new CalmClient(readAddress(databaseUrl).config);
  try {
    await client.connect();
    const [answer] = (await client.query<Answer>(QUESTION)).rows;
    if (answer === undefined) throw new PlinthError({ code: 'internal_error', message: 'the database answers with nothing' });
    const { release, encoding, has_book: hasBook, may_create: mayCreate } = answer;
    const schema = hasBook ? await readSchema(client) : undefined;
    return { release: release.split(' ')[0] ?? release, encoding, mayCreate, ...(schema !== undefined && { schema }) };
  } catch (error) {
    throw wordsOf(error);
  } finally {
    await client.end().catch(() => {});
  }
}

async function readSchema(client: CalmClient): Promise<number> {
  const { rows } = await client.query<{ version: number | null }>('SELECT max(version) AS version FROM plinth.migrations');
  return rows[0]?.version ?? 0;
}

function wordsOf(error: unknown): unknown {
  if (error instanceof PlinthError) return error;
  const failure = failureOf(error);
  if (!(failure instanceof UnreachableError)) return failure;
  if (!failure.isMisconfiguration) return new PlinthError({ code: 'model_unavailable', message: failure.message });
  const message = `the database refuses the connection (SQLSTATE ${failure.reason})`;
  return new PlinthError({ code: 'internal_error', message });
}
