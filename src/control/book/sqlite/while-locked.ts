import { setTimeout as delay } from 'node:timers/promises';
import { PlinthError } from '../../../core/errors/index.ts';

const LONGEST_WAIT_MS = 5_000;
const LONGEST_PAUSE_MS = 20;
const SQLITE_BUSY = 5;

/**
 * Tries again while another process has the file locked. SQLite's own waiting would block the thread, and with it every request. `work`
 * must have done nothing when it fails on a lock. Throws `model_unavailable` when the lock stays for 5 s, counted from `sinceMs` of the
 * monotonic clock: whoever has already waited in line does not wait as long again.
 */
export async function whileLocked<T>(
  filePath: string,
  work: () => T | Promise<T>,
  sinceMs: number = performance.now(),
): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isLocked(error)) throw error;
      if (performance.now() - sinceMs > LONGEST_WAIT_MS) throw stillLocked(filePath);
    }
    await delay(1 + Math.random() * LONGEST_PAUSE_MS);
  }
}

/** Result codes of SQLite carry what they are about in their lower 8 bits. */
function isLocked(error: unknown): boolean {
  return (
    error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' && (error.errcode & 0xff) === SQLITE_BUSY
  );
}

function stillLocked(filePath: string): PlinthError {
  const message = `the book ${filePath} is locked by another process and was not free within ${LONGEST_WAIT_MS / 1_000} s`;
  return new PlinthError({ code: 'model_unavailable', message, retryAfterMs: LONGEST_WAIT_MS });
}
