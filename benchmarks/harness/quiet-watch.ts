import { readMachineTimes, readTreeCpuSeconds } from './process-cpu.ts';

/** How much of the machine others took while a run was going on, as shares of all its processor time. */
export interface Noise {
  readonly foreignShare: number;
  readonly stealShare: number;
  readonly isNoisy: boolean;
}

const MAX_FOREIGN_SHARE = 0.1;
const MAX_STEAL_SHARE = 0.02;

/** Starts watching; the returned function ends it. Everything this process started counts as own. */
export function watchNoise(): () => Noise {
  const before = readMachineTimes();
  const ownBefore = readTreeCpuSeconds(process.pid);
  return () => {
    const after = readMachineTimes();
    const own = readTreeCpuSeconds(process.pid) - ownBefore;
    const total = Math.max(after.totalSeconds - before.totalSeconds, 0.01);
    const foreignShare = Math.max(0, (after.busySeconds - before.busySeconds - own) / total);
    const stealShare = (after.stealSeconds - before.stealSeconds) / total;
    return { foreignShare, stealShare, isNoisy: foreignShare > MAX_FOREIGN_SHARE || stealShare > MAX_STEAL_SHARE };
  };
}
