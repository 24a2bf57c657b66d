import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findIn, placesIn } from '../fixture-tree.ts';
import { docComments } from './doc-comments.ts';

const door = { 'src/core/a/index.ts': `export { open, type Options, Box } from './a.ts';` };

test('a function, class or interface of a door without a doc comment is found where it is declared', () => {
  const text = 'export interface Options {}\n// a remark\nexport function open() {}\n/* no doc */ export class Box {}\n';
  assert.deepEqual(
    placesIn(docComments, { ...door, 'src/core/a/a.ts': text }).toSorted(),
    [1, 3, 4].map((line) => `src/core/a/a.ts:${line}`),
  );
});

test('a doc comment right above the declaration passes, and what no door offers needs none', () => {
  const text =
    '/** A. */\nexport interface Options {}\n/**\n * B.\n */\nexport const open = () => 1;\n/** C. */\nexport class Box {}\nexport function inner() {}\n';
  assert.deepEqual(placesIn(docComments, { ...door, 'src/core/a/a.ts': text }), []);
});

test('a name that two doors offer is reported once', () => {
  const findings = findIn(docComments, {
    'src/core/index.ts': `export { open } from './a/index.ts';`,
    'src/core/a/index.ts': `export { open } from './a.ts';`,
    'src/core/a/a.ts': 'export function open() {}',
  });
  assert.equal(findings.length, 1);
});
