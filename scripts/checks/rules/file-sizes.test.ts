import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findIn, linesOfCode, placesIn } from '../fixture-tree.ts';
import { fileSizes } from './file-sizes.ts';

/** Small files, so that the budgets of the whole tree hold. */
const rest = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`src/core/small-${index}.ts`, linesOfCode(5)]));

test('a file of 400 lines passes and one of 401 is found', () => {
  const places = placesIn(fileSizes, { ...rest, 'src/core/full.ts': linesOfCode(400), 'src/core/long.ts': linesOfCode(401) });
  assert.deepEqual(places, ['src/core/long.ts']);
});

test('a long file that gives its reason passes', () => {
  const text = `/**\n * A table.\n * @budget one row per field of the format\n */\n${linesOfCode(500)}`;
  assert.deepEqual(placesIn(fileSizes, { ...rest, 'src/core/long.ts': text }), []);
});

test('a reason that stands below the first statement, or is empty, does not count', () => {
  const below = `f();\n// @budget too late\n${linesOfCode(500)}`;
  const empty = `// @budget\n${linesOfCode(500)}`;
  assert.deepEqual(placesIn(fileSizes, { ...rest, 'src/core/a.ts': below, 'src/core/b.ts': empty }), [
    'src/core/a.ts',
    'src/core/b.ts',
  ]);
});

test('the median and the p90 of the tree are held', () => {
  const texts = Object.fromEntries(
    Array.from({ length: 10 }, (_, index) => [`src/core/file-${index}.ts`, linesOfCode(index < 8 ? 81 : 251)]),
  );
  assert.deepEqual(
    findIn(fileSizes, texts).map(({ problem }) => problem),
    ['median of the file lengths is 81; at most 80', 'p90 of the file lengths is 251; at most 250'],
  );
});

test('tests and generated code are not counted', () => {
  const texts = {
    ...rest,
    'src/core/a.test.ts': linesOfCode(900),
    'src/core/generated/b.ts': linesOfCode(900),
    'tests/c.ts': linesOfCode(900),
  };
  assert.deepEqual(placesIn(fileSizes, texts), []);
});
