import { readdir, readFile } from 'node:fs/promises';

const NS_PER_MS = 1e6;

/**
 * Follows how long the threads of one process stood in line for a processor. A process that is starved is slow, not stuck: its silence
 * is the machine's. Nothing is known outside Linux, and then nothing is excused.
 */
export class ProcessorWait {
  #firstMs: number | undefined;
  #isReading = false;
  /** Since the first poll after `reset`, summed over all threads. */
  waitedMs = 0;

  reset(): void {
    this.#firstMs = undefined;
    this.waitedMs = 0;
  }

  poll(pid: number): void {
    if (this.#isReading || process.platform !== 'linux') return;
    this.#isReading = true;
    void readWaitedMs(pid).then((totalMs) => {
      this.#isReading = false;
      if (totalMs === undefined) return;
      this.#firstMs ??= totalMs;
      this.waitedMs = Math.max(0, totalMs - this.#firstMs);
    });
  }
}

/** Undefined when the process is gone or the kernel keeps no such account. */
async function readWaitedMs(pid: number): Promise<number | undefined> {
  try {
    const threads = await readdir(`/proc/${pid}/task`);
    const waits = await Promise.all(threads.map((thread) => readThreadWaitNs(`/proc/${pid}/task/${thread}/schedstat`)));
    return waits.reduce((sum, wait) => sum + wait, 0) / NS_PER_MS;
  } catch {
    return undefined;
  }
}

// Three numbers: time on a processor, time in line for one (both in ns), turns; see sched-stats.rst of the kernel.
async function readThreadWaitNs(path: string): Promise<number> {
  const text = await readFile(path, 'latin1').catch(() => '');
  return Number(text.split(' ')[1] ?? 0);
}
