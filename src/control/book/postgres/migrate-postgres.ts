import { sql, type Kysely } from 'kysely';
import { PlinthError } from '../../../core/errors/index.ts';
import { type Tables, postgresWords, readVersion, schemaVersion, takeSteps } from '../schema/index.ts';

/** Any number that nothing else in the database takes a lock by. */
const LOCK = 5_784_226_134;

/**
 * Brings the tables in the schema `plinth` up to date. Processes that open a new book at once take turns; a book that needs nothing is not
 * locked. Throws `internal_error` for a book of a newer release and for a database that is not in UTF-8.
 */
export async function migratePostgres(database: Kysely<Tables>): Promise<void> {
  const place = database.withSchema('plinth');
  if ((await hasTables(database)) && (await readVersion(place, 'in the database')) === schemaVersion) return;
  await database.transaction().execute(async (transaction) => {
    await sql`SELECT pg_advisory_xact_lock(${LOCK})`.execute(transaction);
    await requireUtf8(transaction);
    if (await hasTables(transaction)) await readVersion(transaction.withSchema('plinth'), 'in the database');
    else if (!(await hasSchema(transaction))) await sql`CREATE SCHEMA plinth`.execute(transaction);
    await takeSteps(transaction.withSchema('plinth'), postgresWords);
  });
}

async function hasTables(database: Kysely<Tables>): Promise<boolean> {
  const { rows } = await sql<{ found: string | null }>`SELECT to_regclass('plinth.migrations')::text AS found`.execute(database);
  return typeof rows[0]?.found === 'string';
}

/** Asked first, because CREATE SCHEMA IF NOT EXISTS wants the right to create it even where it is there. */
async function hasSchema(database: Kysely<Tables>): Promise<boolean> {
  const { rows } = await sql<{ found: string | null }>`SELECT to_regnamespace('plinth')::text AS found`.execute(database);
  return typeof rows[0]?.found === 'string';
}

async function requireUtf8(database: Kysely<Tables>): Promise<void> {
  const { rows } = await sql<{ server_encoding: string }>`SHOW server_encoding`.execute(database);
  const encoding = rows[0]?.server_encoding;
  if (encoding === 'UTF8') return;
  const message = `the database of the book has encoding ${encoding}, expected UTF8: create it with ENCODING 'UTF8'`;
  throw new PlinthError({ code: 'internal_error', message });
}
