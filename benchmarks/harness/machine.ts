import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { REPOSITORY_FOLDER } from './places.ts';

function readGovernor(): string {
  try {
    return readFileSync('/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor', 'utf8').trim();
  } catch {
    return 'not shown';
  }
}

function readCommit(): string {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], { cwd: REPOSITORY_FOLDER, encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}

/** One line that says where and of what a result was taken. */
export function describeMachine(): string {
  const cpus = os.cpus();
  const memoryGiB = Math.round(os.totalmem() / 2 ** 30);
  const date = new Date().toISOString().slice(0, 10);
  return (
    `${date}, commit ${readCommit()}, ${cpus.length} × ${cpus[0]?.model ?? 'unknown processor'}, ${memoryGiB} GiB, ` +
    `Linux ${os.release()}, governor ${readGovernor()}, Node ${process.version}`
  );
}
