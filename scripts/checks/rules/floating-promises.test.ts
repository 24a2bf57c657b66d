import assert from 'node:assert/strict';
import { test } from 'node:test';
import { placesIn } from '../fixture-tree.ts';
import { floatingPromises } from './floating-promises.ts';

test('a dropped promise of an own function or method is found', () => {
  const text = [
    'async function load() {}',
    'const save = (): Promise<void> => load();',
    'class Room { async #open() {} start() { this.#open(); } }',
    'load();',
    'save();',
  ].join('\n');
  assert.deepEqual(placesIn(floatingPromises, { 'src/core/a.ts': text }), [
    'src/core/a.ts:3',
    'src/core/a.ts:4',
    'src/core/a.ts:5',
  ]);
});

test('an imported function is followed through its door', () => {
  const places = placesIn(floatingPromises, {
    'src/core/a/load.ts': 'export async function load() {}',
    'src/core/a/index.ts': `export { load } from './load.ts';`,
    'src/core/b.ts': `import { load } from './a/index.ts';\nload();`,
  });
  assert.deepEqual(places, ['src/core/b.ts:2']);
});

test('a promise that is awaited, returned or voided passes, and so does a synchronous call', () => {
  const text =
    'async function load() {}\nfunction log() {}\nawait load();\nvoid load();\nlog();\nfunction f() { return load(); }\n';
  assert.deepEqual(placesIn(floatingPromises, { 'src/core/a.ts': text }), []);
});
