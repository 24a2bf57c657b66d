// Compiles src and packages to dist, without its tests: the form in which the package is published.
import { spawnSync } from 'node:child_process';
import { chmodSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

rmSync(join(root, 'dist'), { recursive: true, force: true });
const compiler = join(root, 'node_modules/typescript/bin/tsc');
const { status, error } = spawnSync(process.execPath, [compiler, '-p', join(root, 'scripts/tsconfig.build.json')], {
  stdio: 'inherit',
});
if (error !== undefined) throw error;
if (status === 0) chmodSync(join(root, 'dist/src/cli/plinth.js'), 0o755);
process.exit(status ?? 1);
