import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findIn, placesIn } from '../fixture-tree.ts';
import { roomImports } from './room-imports.ts';

test('a room may import core and itself', () => {
  const places = placesIn(roomImports, {
    'src/gateway/gateway.ts': `import { a } from '../core/errors/index.ts';\nimport { b } from './access/index.ts';\nimport fs from 'node:fs';`,
    'src/core/errors/index.ts': `import { c } from '../models/index.ts';`,
    'src/cli/serve.ts': `import { g } from '../gateway/index.ts';\nimport { c } from '../control/index.ts';`,
  });
  assert.deepEqual(places, []);
});

test('a room that imports another room is found, also through a type or a dynamic import', () => {
  const places = placesIn(roomImports, {
    'src/gateway/a.ts': `import type { x } from '../worker/index.ts';`,
    'src/worker/b.ts': `\nconst y = await import('../control/index.ts');`,
    'src/control/c.ts': `export { z } from '../gateway/index.ts';`,
  });
  assert.deepEqual(places, ['src/gateway/a.ts:1', 'src/worker/b.ts:2', 'src/control/c.ts:1']);
});

test('core that imports a room is found, with what it may import', () => {
  const [finding] = findIn(roomImports, { 'src/core/errors/a.ts': `import { x } from '../../gateway/index.ts';` });
  assert.equal(finding?.problem, 'core imports gateway (../../gateway/index.ts)');
  assert.match(finding.remedy, /^core may import itself;/);
});

test('an end-to-end test that imports a room is found', () => {
  assert.deepEqual(placesIn(roomImports, { 'tests/chat.test.ts': `import { x } from '../src/gateway/index.ts';` }), [
    'tests/chat.test.ts:1',
  ]);
});

test('a fixture under tests may open a room, and a test beside the code may use the fixture', () => {
  const places = placesIn(roomImports, {
    'tests/gateway/fake-worker.ts': `import { x } from '../../src/gateway/index.ts';`,
    'tests/conformance/engines.test.ts': `import { x } from '../../src/worker/engines/index.ts';`,
    'src/gateway/a.test.ts': `import { y } from '../../tests/gateway/fake-worker.ts';`,
    'src/gateway/b.ts': `import { y } from '../../tests/gateway/fake-worker.ts';`,
  });
  assert.deepEqual(places, ['src/gateway/b.ts:1']);
});

test('a file outside the rooms is found', () => {
  assert.deepEqual(placesIn(roomImports, { 'src/lobby/a.ts': '' }), ['src/lobby/a.ts']);
});
