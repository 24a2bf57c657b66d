import { chmodSync, closeSync, openSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { PlinthError } from '../../core/errors/index.ts';
import { migrations } from './migrations.ts';

const BUSY_TIMEOUT_MS = 5_000;

/** Opens the file, makes it when it is missing, and runs the migrations that it lacks. */
export function openSqlite(filePath: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    keepPrivate(filePath);
    database = new DatabaseSync(filePath, { timeout: BUSY_TIMEOUT_MS });
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF;');
    migrate(database, filePath);
    return database;
  } catch (error) {
    database?.close();
    if (error instanceof PlinthError) throw error;
    const message = `cannot open the book ${filePath}: ${error instanceof Error ? error.message : String(error)}`;
    throw new PlinthError({ code: 'internal_error', message }, { cause: error });
  }
}

/**
 * SQLite would make the file (and, after its example, the -wal and -shm files) with the mode that the umask leaves. A file that is there
 * must not be opened here: closing it again would drop the locks of this process's other connections to it (POSIX record locks).
 */
function keepPrivate(filePath: string): void {
  const stats = statSync(filePath, { throwIfNoEntry: false });
  if (stats !== undefined) {
    if ((stats.mode & 0o077) !== 0) chmodSync(filePath, 0o600);
    return;
  }
  try {
    closeSync(openSync(filePath, 'wx', 0o600));
  } catch (error) {
    const wasMadeMeanwhile = error instanceof Error && 'code' in error && error.code === 'EEXIST';
    if (!wasMadeMeanwhile) throw error;
  }
}

/** Runs `work` in one transaction that takes the write lock at its start, so that it never fails half-way on a lock. */
export function inTransaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

function migrate(database: DatabaseSync, filePath: string): void {
  database.exec('CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY, applied_at INTEGER NOT NULL) STRICT');
  if (versionOf(database) === migrations.length) return;
  inTransaction(database, () => {
    const version = versionOf(database);
    if (version > migrations.length) {
      const message = `the book ${filePath} has schema ${version}, this release knows ${migrations.length}: use a newer release`;
      throw new PlinthError({ code: 'internal_error', message });
    }
    const note = database.prepare('INSERT INTO migrations (version, applied_at) VALUES (?, ?)');
    for (const [index, step] of migrations.entries()) {
      if (index < version) continue;
      database.exec(step);
      note.run(index + 1, Date.now());
    }
  });
}

function versionOf(database: DatabaseSync): number {
  const row = database.prepare('SELECT COALESCE(MAX(version), 0) AS version FROM migrations').get();
  return Number(row?.['version'] ?? 0);
}
