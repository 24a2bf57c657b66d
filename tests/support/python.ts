import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, mkdir, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { TEST_HOME } from './test-model.ts';

const run = promisify(execFile);

const LOCK_WAIT_MS = 200;
const LONGEST_INSTALL_MS = 300_000;

/** The stock clients of Triton, in the version that the tests speak of. */
export const TRITON_CLIENT = { name: 'venv-triton', requirements: ['tritonclient[http,grpc]==2.73.0', 'numpy==2.2.6'] };

export interface PythonPackages {
  /** Folder of the environment below the tests' cache. */
  readonly name: string;
  /** Exact, as pip takes them. */
  readonly requirements: readonly string[];
}

/** Path of a Python that has the packages; its environment is made when it is not there. Safe to call from several processes at once. */
export async function preparePython({ name, requirements }: PythonPackages): Promise<string> {
  const folder = join(TEST_HOME, name);
  const python = join(folder, 'bin', 'python');
  const digest = createHash('sha256').update(requirements.join('\n')).digest('hex').slice(0, 16);
  const marker = join(folder, `ready-${digest}`);
  await mkdir(TEST_HOME, { recursive: true });
  const unlock = await lock(`${folder}.lock`, marker);
  try {
    if (await exists(marker)) return python;
    await rm(folder, { recursive: true, force: true });
    await run('python3', ['-m', 'venv', folder]);
    const quiet = ['--quiet', '--disable-pip-version-check', '--no-input'];
    await run(python, ['-m', 'pip', 'install', ...quiet, ...requirements], { timeout: LONGEST_INSTALL_MS });
    await writeFile(marker, '');
    return python;
  } finally {
    await unlock();
  }
}

export interface PythonRun {
  readonly python: string;
  readonly script: string;
  readonly arguments: readonly string[];
}

/** Runs a script to its end and gives what it printed; what it printed to standard error is in the error when it fails. */
export async function runPython({ python, script, arguments: args }: PythonRun): Promise<string> {
  const { stdout } = await run(python, [script, ...args], { timeout: 120_000 });
  return stdout;
}

/** A folder is made by one process only. A lock whose owner has died is taken over after the longest time that an install may take. */
async function lock(path: string, marker: string): Promise<() => Promise<void>> {
  const giveUpAtMs = Date.now() + LONGEST_INSTALL_MS;
  for (;;) {
    try {
      await mkdir(path);
      return () => rmdir(path);
    } catch {
      if (await exists(marker)) return () => Promise.resolve();
      if (Date.now() > giveUpAtMs) await rm(path, { recursive: true, force: true });
      await delay(LOCK_WAIT_MS);
    }
  }
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
