import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findIn, placesIn } from '../fixture-tree.ts';
import { stageImports } from './stage-imports.ts';

test('a stage that imports its sibling is found', () => {
  const [finding, ...others] = findIn(stageImports, {
    'src/gateway/access/admit.ts': `import { x } from '../balancing/index.ts';`,
  });
  assert.deepEqual(others, []);
  assert.equal(finding?.problem, 'stage gateway/access imports its sibling balancing (../balancing/index.ts)');
});

test('files deep in two stages count as siblings', () => {
  const texts = { 'src/gateway/protocols/openai/chat.ts': `\nimport { x } from '../../access/index.ts';` };
  assert.deepEqual(placesIn(stageImports, texts), ['src/gateway/protocols/openai/chat.ts:2']);
});

test('a file of the room itself may know several stages, and a stage its own folders', () => {
  const places = placesIn(stageImports, {
    'src/gateway/pipeline.ts': `import { x } from './access/index.ts';\nimport { y } from './balancing/index.ts';`,
    'src/gateway/protocols/openai/chat.ts': `import { z } from '../http/index.ts';\nimport type { Stage } from '../../stage.ts';`,
  });
  assert.deepEqual(places, []);
});

test('folders of core and of the command line build on each other', () => {
  const places = placesIn(stageImports, {
    'src/core/messages/a.ts': `import type { x } from '../errors/index.ts';`,
    'src/cli/terminal/b.ts': `import { y } from '../completing/index.ts';`,
  });
  assert.deepEqual(places, []);
});
