import { statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { schemaVersion } from './schema/index.ts';

/** What a look at a book found: one line of words, and what is wrong with it. */
export interface BookFinding {
  /** `PostgreSQL 16.4, schema 4, answers in 3 ms`; never the address. */
  readonly detail: string;
  /** What to do before a gateway can use it. */
  readonly obstacle?: string;
}

const LEAST_RELEASE = 14;

/**
 * Looks at a book without making, migrating or locking anything. `databaseUrl` as for {@link openBook}. Throws `invalid_request` for an
 * address that is none, `model_unavailable` when the database does not answer, `internal_error` when it refuses the login.
 */
export async function probeBook(home: string, databaseUrl: string | undefined): Promise<BookFinding> {
  return databaseUrl === undefined ? probeFile(join(home, 'plinth.db')) : probeDatabase(databaseUrl);
}

/** Throws `invalid_request` for an address that no database can have, without a word of it. Connects to nothing. */
export async function checkDatabaseUrl(databaseUrl: string): Promise<void> {
  const { readAddress } = await import('./postgres/index.ts');
  readAddress(databaseUrl);
}

async function probeDatabase(databaseUrl: string): Promise<BookFinding> {
  const { probePostgres } = await import('./postgres/index.ts');
  const startedAt = performance.now();
  const { release, encoding, schema, mayCreate } = await probePostgres(databaseUrl);
  const took = `answers in ${Math.max(1, Math.round(performance.now() - startedAt))} ms`;
  const detail = `PostgreSQL ${release}, ${schema === undefined ? 'no book yet' : `schema ${schema}`}, ${took}`;
  if (Number.parseInt(release, 10) < LEAST_RELEASE) return { detail, obstacle: `use PostgreSQL ${LEAST_RELEASE} or newer` };
  if (encoding !== 'UTF8') return { detail, obstacle: `its encoding is ${encoding}: make a database with ENCODING 'UTF8'` };
  if (schema !== undefined && schema > schemaVersion) return { detail, obstacle: newer };
  if ((schema ?? 0) < schemaVersion && !mayCreate)
    return { detail, obstacle: 'this login may not make its tables: grant it CREATE on the database, and on the schema plinth' };
  return { detail };
}

const newer = `this release knows schema ${schemaVersion}: use a newer release`;

function probeFile(filePath: string): BookFinding {
  if (statSync(filePath, { throwIfNoEntry: false }) === undefined)
    return { detail: `SQLite, ${filePath}, made at the first start` };
  let file: DatabaseSync | undefined;
  try {
    file = new DatabaseSync(filePath, { readOnly: true, timeout: 1_000 });
    const schema = Number(file.prepare('SELECT max(version) AS version FROM migrations').get()?.['version'] ?? 0);
    const detail = `SQLite, ${filePath}, schema ${schema}`;
    return schema > schemaVersion ? { detail, obstacle: newer } : { detail };
  } catch (error) {
    const detail = `${filePath} cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    return { detail, obstacle: 'restore it, or move it away: then the next start makes a new one, without keys and versions' };
  } finally {
    file?.close();
  }
}
