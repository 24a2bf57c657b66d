import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, test } from 'node:test';
import { PlinthError } from '../../../core/errors/index.ts';
import { findOnnxLibrary, ONNX_RELEASE } from './find-library.ts';
import { loadOnnxLibrary } from './index.ts';

const root = mkdtempSync(join(tmpdir(), 'onnx-library-'));
after(() => rmSync(root, { recursive: true }));

function folderWith(name: string, put: (folder: string) => void): string {
  const folder = join(root, name);
  mkdirSync(folder, { recursive: true });
  put(folder);
  return folder;
}

const refusedBy = (problem: RegExp) => (error: unknown) =>
  error instanceof PlinthError && error.code === 'invalid_request' && problem.test(error.message);

test('a library in another folder is loaded from there, beside the installed one', () => {
  const installed = findOnnxLibrary();
  const folder = folderWith('release/lib', (lib) => symlinkSync(installed, join(lib, basename(installed))));
  assert.equal(findOnnxLibrary(join(root, 'release')), join(folder, basename(installed)));
  const other = loadOnnxLibrary(join(root, 'release'));
  assert.equal(other.version, ONNX_RELEASE);
  assert.equal(loadOnnxLibrary(join(root, 'release')), other);
  assert.notEqual(loadOnnxLibrary(), other);
  assert.ok(other.providers().includes('CPUExecutionProvider'));
});

test('a folder without a library is refused', () =>
  assert.throws(() => loadOnnxLibrary(folderWith('empty', () => undefined)), refusedBy(/'empty' holds no ONNX Runtime library/)));

test('a file that is no library is refused by its name', () => {
  const folder = folderWith('broken', (own) => writeFileSync(join(own, 'libonnxruntime.so.1'), 'no library'));
  assert.throws(() => loadOnnxLibrary(folder), refusedBy(/'broken' .* libonnxruntime\.so\.1 cannot be loaded/));
});
