import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findIn, placesIn } from '../fixture-tree.ts';
import { unusedExports } from './unused-exports.ts';

test('an export that nothing imports is found, at a door and behind it', () => {
  const findings = findIn(unusedExports, {
    'src/core/a/index.ts': `export { used, idle } from './a.ts';`,
    'src/core/a/a.ts': 'export const used = 1;\nexport const idle = 2;\nexport const lost = 3;\n',
    'src/gateway/b.ts': `import { used } from '../core/a/index.ts';`,
  });
  assert.deepEqual(
    findings.map(({ file, line, problem }) => `${file}:${line} ${problem}`),
    ['src/core/a/index.ts:1 nothing imports idle', 'src/core/a/a.ts:3 nothing imports lost'],
  );
});

test('tests, benchmarks and scripts count as importers, and so does an import of everything', () => {
  const places = placesIn(unusedExports, {
    'src/core/a.ts': 'export const one = 1;',
    'src/core/b.ts': 'export const two = 2;\nexport const three = 3;',
    'benchmarks/x.ts': `import { one } from '../src/core/a.ts';`,
    'scripts/y.mjs': `const all = await import('../src/core/b.ts');`,
  });
  assert.deepEqual(places, []);
});

test('a type that a used export is written with is in use', () => {
  const texts = {
    'src/core/a/index.ts': `export { open, type Options, type Idle } from './a.ts';`,
    'src/core/a/a.ts':
      'export interface Options { x: 1 }\nexport interface Idle { y: 1 }\nexport function open(options: Options) {}\n',
    'src/cli/b.ts': `import { open } from '../core/a/index.ts';`,
  };
  assert.deepEqual(
    findIn(unusedExports, texts).map(({ problem }) => problem),
    ['nothing imports Idle'],
  );
});
