import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PEERS_FOLDER } from './places.ts';

const STOP_LIMIT_MS = 10_000;
const LOG_TAIL_CHARACTERS = 2_000;

export interface LaunchOptions {
  readonly name: string;
  readonly command: readonly string[];
  /** Answers 200 as soon as the process can be measured. */
  readonly readyUrl: string;
  /** Secrets go this way, never through the command. */
  readonly env?: Readonly<Record<string, string>>;
  /** Processor list for taskset, for example "0". Absent: all. */
  readonly cpus?: string;
  readonly readyLimitMs?: number;
}

/** A started server process, to be measured and stopped by its id. */
export interface LaunchedProcess {
  readonly name: string;
  readonly pid: number;
  readonly logFile: string;
  stop(): Promise<void>;
}

const running = new Set<ChildProcess>();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));

export function pinned(command: readonly string[], cpus: string | undefined): readonly string[] {
  return cpus === undefined ? command : ['taskset', '-c', cpus, ...command];
}

async function waitReady(child: ChildProcess, options: LaunchOptions, logFile: string): Promise<void> {
  const deadline = performance.now() + (options.readyLimitMs ?? 60_000);
  while (performance.now() < deadline && child.exitCode === null && child.signalCode === null) {
    const response = await fetch(options.readyUrl, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
    await response?.body?.cancel();
    if (response?.status === 200) return;
    await sleep(100);
  }
  const tail = readFileSync(logFile, 'utf8').slice(-LOG_TAIL_CHARACTERS);
  const what = child.exitCode === null ? 'was not ready in time' : `ended with ${child.exitCode}`;
  throw new Error(`${options.name} ${what}; end of ${logFile}:\n${tail}`);
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await Promise.race([ended, sleep(STOP_LIMIT_MS, undefined, { ref: false })]);
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await ended;
    }
  }
  running.delete(child);
}

/** Starts a process and waits until it answers. Throws with the end of its log when it does not. */
export async function launch(options: LaunchOptions): Promise<LaunchedProcess> {
  const logFolder = path.join(PEERS_FOLDER, 'logs');
  mkdirSync(logFolder, { recursive: true });
  const logFile = path.join(logFolder, `${options.name}.log`);
  const log = openSync(logFile, 'w');
  const [file = '', ...args] = pinned(options.command, options.cpus);
  const child = spawn(file, args, { stdio: ['ignore', log, log], env: { ...process.env, ...options.env } });
  running.add(child);
  await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
  try {
    await waitReady(child, options, logFile);
  } catch (error) {
    await stopChild(child);
    throw error;
  }
  return { name: options.name, pid: child.pid ?? 0, logFile, stop: () => stopChild(child) };
}
