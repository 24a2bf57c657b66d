import { chmodSync, closeSync, openSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { Kysely, sql, type Transaction } from 'kysely';
import { PlinthError } from '../../../core/errors/index.ts';
import { hasCode } from '../../../core/files/index.ts';
import {
  type BookDatabase,
  type Tables,
  migrationsTable,
  readVersion,
  schemaVersion,
  sqliteWords,
  takeSteps,
} from '../schema/index.ts';
import { createSqliteDialect } from './sqlite-dialect.ts';
import { inTurn } from './turns.ts';
import { whileLocked } from './while-locked.ts';

/** What one statement waits for a lock, and the thread with it: about one commit of another process. */
const BUSY_TIMEOUT_MS = 5;

/** A book in a file of SQLite. */
export interface SqliteBook extends BookDatabase {
  /** A number that is another one after each commit of any other connection to the file. Costs a few microseconds. */
  readDataVersion(): unknown;
}

/**
 * Opens the file (WAL, synchronous=FULL, mode 0600), makes it when it is missing, and takes the steps of the schema that it lacks. Throws
 * `internal_error` when the file is no database or was written by a newer release, `model_unavailable` when another process has it locked.
 */
export async function openSqlite(filePath: string): Promise<SqliteBook> {
  let file: DatabaseSync | undefined;
  try {
    keepPrivate(filePath);
    const opened = new DatabaseSync(filePath, { timeout: BUSY_TIMEOUT_MS });
    file = opened;
    await whileLocked(filePath, () =>
      opened.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF;'),
    );
    const database = new Kysely<Tables>({ dialect: createSqliteDialect(opened) });
    const { dev, ino } = statSync(filePath);
    const key = `${dev}:${ino}`;
    await inTurn(key, () => whileLocked(filePath, () => migrate(database, filePath)));
    return faceOf(database, { file: opened, filePath, key });
  } catch (error) {
    if (file?.isOpen === true) file.close();
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
    const wasMadeMeanwhile = hasCode(error, 'EEXIST');
    if (!wasMadeMeanwhile) throw error;
  }
}

async function migrate(database: Kysely<Tables>, filePath: string): Promise<void> {
  await sql.raw(migrationsTable(sqliteWords)).execute(database);
  if ((await readVersion(database, filePath)) === schemaVersion) return;
  await database.transaction().execute(async (transaction) => {
    await readVersion(transaction, filePath);
    await takeSteps(transaction, sqliteWords);
  });
}

interface OpenFile {
  readonly file: DatabaseSync;
  readonly filePath: string;
  /** Of the file, whatever it is called. */
  readonly key: string;
}

function faceOf(database: Kysely<Tables>, { file, filePath, key }: OpenFile): SqliteBook {
  const dataVersion = file.prepare('PRAGMA data_version');
  return {
    nowMs: sql<number>`CAST(unixepoch('subsec') * 1000 AS INTEGER)`,
    read: (work) => whileLocked(filePath, () => work(database)),
    readAtOnce: (work) => whileLocked(filePath, () => database.transaction().setAccessMode('read only').execute(work)),
    write: (work, durability = 'power-loss') => {
      const sinceMs = performance.now();
      const transact = () =>
        durability === 'power-loss' ? database.transaction().execute(work) : writeWithoutWaiting(database, work);
      return inTurn(key, () => whileLocked(filePath, transact, sinceMs));
    },
    // Other processes see it by the file's data version.
    announce: async () => {},
    readDataVersion: () => dataVersion.get()?.['data_version'],
    close: async () => {
      await database.connection().execute(async () => {});
      await database.destroy();
    },
  };
}

/** Without FULL a commit to the log is written, and not waited for until the disk has it. */
function writeWithoutWaiting<T>(database: Kysely<Tables>, work: (transaction: Transaction<Tables>) => Promise<T>): Promise<T> {
  return database.connection().execute(async (connection) => {
    await sql`PRAGMA synchronous = NORMAL`.execute(connection);
    try {
      return await connection.transaction().execute(work);
    } finally {
      await sql`PRAGMA synchronous = FULL`.execute(connection);
    }
  });
}
