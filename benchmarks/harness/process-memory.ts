import { readdirSync, readFileSync } from 'node:fs';

/** Of one process, in MiB. */
export interface ProcessMemory {
  /** Resident, pages shared with others counted whole. */
  readonly rssMiB: number;
  /** Resident, a page shared by n processes counted as its n-th part. */
  readonly pssMiB: number;
}

/** From /proc; throws when there is no such process. */
export function readMemory(pid: number): ProcessMemory {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1');
  const read = (field: string): number => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? Number.NaN) / 1024;
  return { rssMiB: read('Rss'), pssMiB: read('Pss') };
}

/** Processes that a process started and that still run, as their numbers go. */
export function listChildren(pid: number): number[] {
  const threads = readdirSync(`/proc/${pid}/task`);
  const lists = threads.map((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, 'latin1'));
  const pids = lists.flatMap((list) => list.trim().split(' ')).filter((text) => text !== '');
  return pids.map(Number).toSorted((a, b) => a - b);
}
