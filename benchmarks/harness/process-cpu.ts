import { readdirSync, readFileSync } from 'node:fs';

/** Linux reports process times in ticks of this length on every architecture it runs Node on. */
const TICKS_PER_SECOND = 100;

interface ProcessTimes {
  readonly parentPid: number;
  readonly cpuSeconds: number;
}

/** Fields after the command name, which may itself hold spaces and brackets: state, ppid, …, utime, stime, cutime, cstime. */
function readTimes(pid: number): ProcessTimes | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return { parentPid: Number(fields[1]), cpuSeconds: ticks / TICKS_PER_SECOND };
}

function readAllTimes(): Map<number, ProcessTimes> {
  const all = new Map<number, ProcessTimes>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const times = readTimes(pid);
    if (times !== undefined) all.set(pid, times);
  }
  return all;
}

/** Processor seconds used so far by one process alone and by children of it that were reaped. 0 when there is none. */
export function readProcessCpuSeconds(pid: number): number {
  return readTimes(pid)?.cpuSeconds ?? 0;
}

/** Processor seconds used so far by a process and all its descendants, those that have ended included once they were reaped. */
export function readTreeCpuSeconds(rootPid: number): number {
  const all = readAllTimes();
  let seconds = 0;
  for (const [pid, times] of all) {
    let ancestor = pid;
    while (ancestor !== rootPid && ancestor > 1) ancestor = all.get(ancestor)?.parentPid ?? 0;
    if (ancestor === rootPid) seconds += times.cpuSeconds;
  }
  return seconds;
}

export interface MachineTimes {
  readonly busySeconds: number;
  readonly stealSeconds: number;
  readonly totalSeconds: number;
}

/** Processor time of the whole machine since boot, from the first line of /proc/stat. */
export function readMachineTimes(): MachineTimes {
  const line = readFileSync('/proc/stat', 'latin1').split('\n', 1)[0] ?? '';
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] = line
    .trim()
    .split(/\s+/)
    .slice(1)
    .map((ticks) => Number(ticks) / TICKS_PER_SECOND);
  const busySeconds = user + nice + system + irq + softirq;
  return { busySeconds, stealSeconds: steal, totalSeconds: busySeconds + idle + iowait + steal };
}
