import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as wait } from 'node:timers/promises';

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
 */
export async function withLock<T>(folder: string, name: string, options: LockOptions & { work: () => Promise<T> }): Promise<T> {
  const database = new DatabaseSync(join(folder, `${name}.lock`), { timeout: 0 });
  try {
    while (!tryLock(database)) {
      await options.onWait();
      await wait(POLL_INTERVAL_MS, undefined, { signal: options.signal });
    }
    return await options.work();
  } finally {
    database.close();
  }
}

function tryLock(database: DatabaseSync): boolean {
  try {
    database.exec('BEGIN EXCLUSIVE');
    return true;
  } catch (error) {
    const isBusy = error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY;
    if (isBusy) return false;
    throw error;
  }
}
