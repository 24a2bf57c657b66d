import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { hasCode } from '../../core/files/index.ts';
import { homeFailure } from './home-failure.ts';

const runFileSchema = z.object({
  pid: z.int().min(1),
  url: z.url(),
  managementUrl: z.url(),
  grpcAddress: z.string().optional(),
  token: z.string().min(16),
});

/** How commands on this machine reach a running `plinth serve`. The token opens both of its ports until it ends. */
export type RunningServe = z.infer<typeof runFileSchema>;

/**
 * Announces a running serve to its user only; the file appears whole or not at all. Returns the way to take it back.
 * Throws `internal_error` when the home cannot be written.
 */
export function writeRunFile(home: string, running: RunningServe): () => void {
  const folder = join(home, 'run');
  const path = join(folder, `${new URL(running.managementUrl).port}.json`);
  const unfinished = `${path}.${running.pid}`;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    chmodSync(folder, 0o700);
    writeFileSync(unfinished, JSON.stringify(running), { mode: 0o600 });
    renameSync(unfinished, path);
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw homeFailure(home, error);
  }
  return () => {
    // Another serve may have taken the port, and the name, since.
    if (readRunFile(path)?.pid === running.pid) rmSync(path, { force: true });
  };
}

/** The serves of this home whose process is alive; files of those that were killed are cleared away. */
export function listRunning(home: string): RunningServe[] {
  return listFiles(join(home, 'run')).flatMap((path) => {
    const running = readRunFile(path);
    if (running === undefined) return [];
    if (isAlive(running.pid)) return [running];
    rmSync(path, { force: true });
    return [];
  });
}

function listFiles(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => /^\d+\.json$/.test(name))
      .toSorted()
      .map((name) => join(folder, name));
  } catch {
    return [];
  }
}

function readRunFile(path: string): RunningServe | undefined {
  try {
    return runFileSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return hasCode(error, 'EPERM');
  }
}
