import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const execFileAsync = promisify(execFile);

/** How often reading is cheap enough: a file of the kernel on Linux, a `ps` process elsewhere. */
export const MEMORY_POLL_MS = process.platform === 'linux' ? 250 : 2_000;

/** Resident memory of a process in bytes; `undefined` when it is gone or nothing can be known. */
export async function readResidentBytes(pid: number): Promise<number | undefined> {
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
