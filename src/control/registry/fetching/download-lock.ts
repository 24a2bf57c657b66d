import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as wait } from 'node:timers/promises';
import { PlinthError } from '../../../core/errors/index.ts';
import { hasCode } from '../../../core/files/index.ts';

const POLL_INTERVAL_MS = 150;
const SQLITE_BUSY = 5;

export interface LockOptions {
  readonly signal: AbortSignal;
  /** Called at every try that finds the lock taken. */
  readonly onWait: () => Promise<void>;
}

/**
 * Runs `work` while no other process (or other call in this one) holds the lock of this name. The lock is SQLite's exclusive lock on an
 * empty file: the operating system takes it back the moment its owner dies, however it dies, so there is no stale lock to judge and
 * no gap in which two could take one over. The empty file stays, since deleting a lock file that others may have open splits the lock.
 * Throws `internal_error` when the file cannot be made or locked.
 */
export async function withLock<T>(folder: string, name: string, options: LockOptions & { work: () => Promise<T> }): Promise<T> {
  const filePath = join(folder, `${name}.lock`);
  makePrivate(filePath);
  const database = new DatabaseSync(filePath, { timeout: 0 });
  try {
    while (!tryLock(database, filePath)) {
      await options.onWait();
      await wait(POLL_INTERVAL_MS, undefined, { signal: options.signal });
    }
    return await options.work();
  } finally {
    database.close();
  }
}

/** SQLite would make it with the mode that the umask leaves. One that is there is not opened: closing it would drop the locks on it. */
function makePrivate(filePath: string): void {
  try {
    closeSync(openSync(filePath, 'wx', 0o600));
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw lockFailure(filePath, error);
  }
}

function lockFailure(filePath: string, error: unknown): PlinthError {
  const message = `cannot lock ${filePath}: ${error instanceof Error ? error.message : String(error)}`;
  return new PlinthError({ code: 'internal_error', message }, { cause: error });
}

function tryLock(database: DatabaseSync, filePath: string): boolean {
  try {
    database.exec('BEGIN EXCLUSIVE');
    return true;
  } catch (error) {
    const isBusy = error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY;
    if (isBusy) return false;
    throw lockFailure(filePath, error);
  }
}
