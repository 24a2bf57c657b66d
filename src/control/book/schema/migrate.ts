import { sql, type Kysely } from 'kysely';
import { PlinthError } from '../../../core/errors/index.ts';
import { migrations, migrationsTable, type ColumnWords } from './migrations.ts';
import type { Tables } from './tables.ts';

/** The number of the newest step that this release knows. */
export const schemaVersion = migrations.length;

/** Takes the steps that are missing. To be called where no other process can take them at the same time. */
export async function takeSteps(database: Kysely<Tables>, words: ColumnWords): Promise<void> {
  await sql.raw(migrationsTable(words)).execute(database);
  const version = await versionOf(database);
  for (const [index, step] of migrations.entries()) {
    if (index < version) continue;
    for (const statement of step(words)) await sql.raw(statement).execute(database);
    await database
      .insertInto('migrations')
      .values({ version: index + 1, applied_at: Date.now() })
      .execute();
  }
}

/** The newest step that was taken. Throws when this release does not know it; `book` is what the book is called in the message. */
export async function readVersion(database: Kysely<Tables>, book: string): Promise<number> {
  const version = await versionOf(database);
  if (version <= schemaVersion) return version;
  const message = `the book ${book} has schema ${version}, this release knows ${schemaVersion}: use a newer release`;
  throw new PlinthError({ code: 'internal_error', message });
}

async function versionOf(database: Kysely<Tables>): Promise<number> {
  const row = await database
    .selectFrom('migrations')
    .select(({ fn }) => fn.max('version').as('version'))
    .executeTakeFirst();
  return row?.version ?? 0;
}
