import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findIn, placesIn } from '../fixture-tree.ts';
import { importCycles } from './import-cycles.ts';

test('a cycle over three files is found once, with its way', () => {
  const findings = findIn(importCycles, {
    'src/core/a.ts': `import { b } from './b.ts';`,
    'src/core/b.ts': `import type { c } from './c.ts';`,
    'src/core/c.ts': `export { a } from './a.ts';`,
  });
  assert.equal(findings.length, 1);
  assert.equal(findings[0]?.problem, 'import cycle: src/core/a.ts → src/core/b.ts → src/core/c.ts → src/core/a.ts');
});

test('two ways to one file are no cycle', () => {
  const texts = {
    'src/core/a.ts': `import { b } from './b.ts';\nimport { c } from './c.ts';`,
    'src/core/b.ts': `import { c } from './c.ts';`,
    'src/core/c.ts': '',
  };
  assert.deepEqual(placesIn(importCycles, texts), []);
});

test('a file that imports itself is a cycle', () => {
  assert.deepEqual(placesIn(importCycles, { 'src/core/a.ts': `\nimport { a } from './a.ts';` }), ['src/core/a.ts:2']);
});
