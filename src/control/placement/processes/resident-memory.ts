import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const execFileAsync = promisify(execFile);

/** How often reading is cheap enough: a file of the kernel on Linux, a `ps` process elsewhere. */
const POLL_MS = process.platform === 'linux' ? 250 : 2_000;

/** Follows the resident memory of one process. */
export class MemoryWatch {
  /** As read last; 0 before that. */
  bytes = 0;
  readonly #onRead: () => void;
  #readAtMs = Number.NEGATIVE_INFINITY;

  constructor(onRead: () => void) {
    this.#onRead = onRead;
  }

  /** Reads when it is time to. */
  poll(pid: number, nowMs: number): void {
    if (nowMs - this.#readAtMs < POLL_MS) return;
    this.#readAtMs = nowMs;
    void readResidentBytes(pid).then((bytes) => {
      if (bytes === undefined) return;
      this.bytes = bytes;
      this.#onRead();
    });
  }
}

/** Undefined when the process is gone or nothing can be known. */
async function readResidentBytes(pid: number): Promise<number | undefined> {
  try {
    return process.platform === 'linux' ? parseStatus(await readFile(`/proc/${pid}/status`, 'latin1')) : await askPs(pid);
  } catch {
    return undefined;
  }
}

// `status` counts in KiB whatever the page size is, which `statm` does not; see proc_pid_status(5).
function parseStatus(status: string): number | undefined {
  const found = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  return found === undefined ? undefined : Number(found) * 1024;
}

async function askPs(pid: number): Promise<number | undefined> {
  const { stdout } = await execFileAsync('ps', ['-o', 'rss=', '-p', String(pid)], { timeout: 2_000 });
  const kib = Number.parseInt(stdout, 10);
  return Number.isNaN(kib) ? undefined : kib * 1024;
}
