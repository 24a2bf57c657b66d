import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { obtainPackage } from '../../../../tests/support/npm-package.ts';
import { PlinthError } from '../../../core/errors/index.ts';
import { findLibrary } from './find-library.ts';

const run = promisify(execFile);
const PROBE = fileURLToPath(new URL('../../library-probe-process.ts', import.meta.url));
const ABI = new URL('check-abi.ts', import.meta.url).href;
const FAMILY = `@node-llama-cpp/${process.platform}-${process.arch}`;

/** Checks structures without asking for the version first, which would have refused. Argument: a library file. */
const CHECK_LAYOUTS = `
  import koffi from 'koffi';
  import { checkLayouts } from '${ABI}';
  checkLayouts(koffi.load(process.argv[1]), { version: 'x', refuse: (detail) => { throw new Error(detail); } });
  process.stdout.write('same');
`;

/** Loads a build in a process of its own: two builds in one would share their symbols. */
async function probe(folder: string): Promise<{ readonly release: string; readonly device: string; readonly folder: string }> {
  const { stdout } = await run(process.execPath, [PROBE, folder]);
  return JSON.parse(stdout) as Awaited<ReturnType<typeof probe>>;
}

const failsWith = (problem: RegExp) => (error: { readonly stderr?: string }) => problem.test(error.stderr ?? '');

const isCovered = process.platform === 'linux' && process.arch === 'x64';

describe('builds of llama.cpp', { skip: !isCovered && 'the packages of this test are those of linux-x64' }, () => {
  let folder: string;

  before(() => (folder = mkdtempSync(join(tmpdir(), 'library-'))));
  after(() => rmSync(folder, { recursive: true }));

  test('libraries in another folder are loaded from there and called by their own version', async () => {
    const installed = findLibrary('cpu').folder;
    const copy = join(folder, 'copy');
    mkdirSync(copy);
    for (const file of readdirSync(installed)) symlinkSync(join(installed, file), join(copy, file));
    assert.deepEqual(await probe(copy), { folder: copy, device: 'cpu', release: 'v0.5.0-dev' });
  });

  test('an unpacked package of another release is loaded and called by its release', async () => {
    const found = await probe(await obtainPackage(`${FAMILY}@3.21.1`));
    assert.deepEqual([found.release, found.device], ['3.21.1', 'cpu']);
    assert.ok(existsSync(join(found.folder, 'libllama.v0.4.0.so')));
  });

  test('a build that does not tell its version is refused by its name', async () => {
    const older = await obtainPackage(`${FAMILY}@3.20.0`);
    await assert.rejects(
      probe(older),
      failsWith(/libllama\.b\d+\.so does not tell its version, 0\.4\.0 or 0\.5\.0 was expected/),
    );
  });

  test('structures that differ are found out without harm', async () => {
    const check = (package_: string, file: string) =>
      run(process.execPath, ['--input-type=module', '-e', CHECK_LAYOUTS, join(package_, 'bins', 'linux-x64', file)]);
    const same = await check(await obtainPackage(`${FAMILY}@3.21.1`), 'libllama.v0.4.0.so');
    assert.equal(same.stdout, 'same');
    const older = await obtainPackage(`${FAMILY}@3.20.0`);
    await assert.rejects(
      check(older, 'libllama.b10361.so'),
      failsWith(/llama_model_params\.load_mode is 1 where -1 was expected/),
    );
  });

  test('a folder without libraries, and one that does not exist, are refused', () => {
    for (const name of [folder, join(folder, 'nowhere')])
      assert.throws(
        () => findLibrary('best', name),
        (error) => error instanceof PlinthError && error.code === 'invalid_request' && /holds no llama\.cpp/.test(error.message),
      );
  });

  test('a file that is no library is refused by its name', async () => {
    const broken = join(folder, 'broken');
    mkdirSync(broken);
    for (const name of ['ggml-base', 'ggml', 'llama']) writeFileSync(join(broken, `lib${name}.so`), 'no library');
    await assert.rejects(probe(broken), failsWith(/libggml-base\.so cannot be loaded/));
  });
});
