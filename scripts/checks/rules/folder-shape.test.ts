import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findIn } from '../fixture-tree.ts';
import { folderShape } from './folder-shape.ts';

test('a folder three deep passes and one four deep is found', () => {
  const findings = findIn(folderShape, { 'src/worker/engines/llama/a.ts': '', 'src/worker/engines/llama/native/b.ts': '' });
  assert.deepEqual(
    findings.map(({ file, problem }) => [file, problem]),
    [['src/worker/engines/llama/native', 'lies 4 folders under src; at most 3']],
  );
});

test('a folder of twelve files passes and one of thirteen is found; tests are not counted', () => {
  const files = (folder: string, count: number) =>
    Array.from({ length: count }, (_, index) => [
      [`src/core/${folder}/f${index}.ts`, ''],
      [`src/core/${folder}/f${index}.test.ts`, ''],
    ]).flat();
  const texts = Object.fromEntries([...files('full', 12), ...files('crowded', 13)]) as Record<string, string>;
  assert.deepEqual(
    findIn(folderShape, texts).map(({ file }) => file),
    ['src/core/crowded'],
  );
});
