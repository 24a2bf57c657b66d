import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../../core/telemetry/index.ts';
import type { Book } from './book.ts';
import { openSqliteBook } from './sqlite-book.ts';

/** Where a book lies. */
export interface BookOptions {
  /** Absolute path of PLINTH_HOME; made with mode 0700 when it is missing. */
  readonly home: string;
  /** `postgres://…`, a secret: the book is in that database. Absent: it is in `<home>/plinth.db`. */
  readonly databaseUrl?: string;
  /** Is told when a shared database goes and comes back. */
  readonly logger?: Logger;
}

/**
 * Opens a book and brings its schema up to date: `<home>/plinth.db` (SQLite, WAL, synchronous=FULL, mode 0600), or the schema `plinth` of
 * a PostgreSQL database from version 14. Throws `internal_error` when the file is no database, the database refuses the login, the book was
 * written by a newer release, or the remembered state is not signed by this home; `invalid_request` for an address that is none;
 * `model_unavailable` when the database cannot be reached and nothing is remembered.
 */
export async function openBook({ home, databaseUrl, logger }: BookOptions): Promise<Book> {
  await mkdir(home, { recursive: true, mode: 0o700 });
  if (databaseUrl === undefined) return openSqliteBook(join(home, 'plinth.db'));
  // Most have no PostgreSQL and need not load its client.
  const { openPostgresBook } = await import('./postgres-book.ts');
  return openPostgresBook({ home, databaseUrl, logger });
}
