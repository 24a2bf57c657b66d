import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/**
 * Memory that new processes may take, in bytes: what the kernel says is available (MemAvailable, proc_meminfo(5)), and no more than the
 * tightest control group around this process leaves (cgroup-v2.rst and memory.rst of the kernel). Pages of files that were not used lately count as free.
 */
export async function readFreeBytes(): Promise<number> {
  if (process.platform !== 'linux') return process.availableMemory();
  const available = /^MemAvailable:\s+(\d+) kB$/m.exec(await readText('/proc/meminfo'))?.[1];
  const free = available === undefined ? process.availableMemory() : Number(available) * 1024;
  return Math.min(free, ...(await readGroups()));
}

interface Hierarchy {
  /** Finds this process's group in /proc/self/cgroup. */
  readonly own: RegExp;
  readonly root: string;
  readonly most: string;
  readonly used: string;
  readonly idleFiles: RegExp;
}

const HIERARCHIES: readonly Hierarchy[] = [
  {
    own: /^0::(\/.*)$/m,
    root: '/sys/fs/cgroup',
    most: 'memory.max',
    used: 'memory.current',
    idleFiles: /^inactive_file (\d+)$/m,
  },
  {
    own: /^\d+:memory:(\/.*)$/m,
    root: '/sys/fs/cgroup/memory',
    most: 'memory.limit_in_bytes',
    used: 'memory.usage_in_bytes',
    idleFiles: /^total_inactive_file (\d+)$/m,
  },
];

/** What each group around this process leaves. */
async function readGroups(): Promise<readonly number[]> {
  const groups = await readText('/proc/self/cgroup');
  const left: number[] = [];
  for (const hierarchy of HIERARCHIES) {
    const own = hierarchy.own.exec(groups)?.[1];
    for (let group = own; group !== undefined; group = group === '/' ? undefined : dirname(group))
      left.push(await readGroup(hierarchy, join(hierarchy.root, group)));
  }
  return left;
}

async function readGroup({ most, used, idleFiles }: Hierarchy, folder: string): Promise<number> {
  const [limit, taken, statistics] = await Promise.all([most, used, 'memory.stat'].map((file) => readText(join(folder, file))));
  const limitBytes = Number(limit);
  if (limit === '' || Number.isNaN(limitBytes)) return Infinity;
  return Math.max(0, limitBytes - Number(taken) + Number(idleFiles.exec(statistics ?? '')?.[1] ?? 0));
}

/** Empty when there is no such file. */
async function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}
