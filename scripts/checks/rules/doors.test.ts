import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findIn, placesIn } from '../fixture-tree.ts';
import { doors } from './doors.ts';

test('an import past a door is found, with the door to use', () => {
  const [finding] = findIn(doors, { 'src/gateway/gateway.ts': `import { admit } from './access/admit.ts';` });
  assert.equal(finding?.problem, './access/admit.ts goes past the door of src/gateway/access');
  assert.equal(finding.remedy, 'export admit from src/gateway/access/index.ts and import that');
});

test('doors, files of the same folder and files of the folders above are open', () => {
  const places = placesIn(doors, {
    'src/gateway/gateway.ts': `import { a } from './access/index.ts';\nimport { b } from './pipeline.ts';`,
    'src/gateway/access/admit.ts': `import type { Stage } from '../stage.ts';`,
    'src/gateway/access/admit.test.ts': `import { admit } from './admit.ts';`,
    'tests/x.test.ts': `import { h } from './launch.ts';`,
  });
  assert.deepEqual(places, []);
});

test('a folder whose name begins like another is another folder', () => {
  assert.deepEqual(placesIn(doors, { 'src/core/time-zones/a.ts': `import { t } from '../time/clock.ts';` }), [
    'src/core/time-zones/a.ts:1',
  ]);
});

test('an export of everything is found', () => {
  assert.deepEqual(placesIn(doors, { 'src/core/errors/index.ts': `\nexport * from './plinth-error.ts';` }), [
    'src/core/errors/index.ts:2',
  ]);
});
