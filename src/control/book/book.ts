import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { KeyRecords, ModelRecords } from '../../core/records/index.ts';
import { openSqlite } from './open-sqlite.ts';
import { sqliteKeys } from './sqlite-keys.ts';
import { sqliteModels } from './sqlite-models.ts';

/** The durable record of models and keys. Several processes may have the same book open. */
export interface Book extends ModelRecords, KeyRecords {
  close(): Promise<void>;
}

/** Where a book lies. */
export interface BookOptions {
  /** Absolute path of PLINTH_HOME; made with mode 0700 when it is missing. */
  readonly home: string;
}

/**
 * Opens `<home>/plinth.db` (SQLite, WAL, synchronous=FULL, mode 0600) and brings its schema up to date.
 * Throws `internal_error` when the file is no database or was written by a newer release.
 */
export async function openBook(options: BookOptions): Promise<Book> {
  await mkdir(options.home, { recursive: true, mode: 0o700 });
  const database = openSqlite(join(options.home, 'plinth.db'));
  return {
    ...sqliteModels(database),
    ...sqliteKeys(database),
    close: () => {
      if (database.isOpen) database.close();
      return Promise.resolve();
    },
  };
}
