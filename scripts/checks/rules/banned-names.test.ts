import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findIn, placesIn } from '../fixture-tree.ts';
import { bannedNames, wordsOf } from './banned-names.ts';

test('piles and banned words in paths are found', () => {
  const places = placesIn(bannedNames, {
    'src/core/utils/a.ts': '',
    'src/gateway/types.ts': '',
    'src/worker/model-manager.ts': '',
    'src/control/replica-instances.test.ts': '',
    'src/core/models/database.ts': '',
  });
  assert.deepEqual(places, [
    'src/core/utils/a.ts',
    'src/gateway/types.ts',
    'src/worker/model-manager.ts',
    'src/control/replica-instances.test.ts',
  ]);
});

test('banned words in exported names are found, once each where they are declared', () => {
  const findings = findIn(bannedNames, {
    'src/core/a.ts': 'export function openSession() {}\nexport const HTTPServer = 1;\nfunction handler() {}\n',
    'src/core/index.ts': `export { openSession } from './a.ts';`,
  });
  assert.deepEqual(
    findings.map(({ file, line, problem }) => `${file}:${line} ${problem}`),
    ['src/core/a.ts:1 exported name openSession says "session"', 'src/core/a.ts:2 exported name HTTPServer says "server"'],
  );
});

test('a word passes where it has its one meaning', () => {
  const places = placesIn(bannedNames, {
    'src/worker/engines/llama/context.ts': 'export class LlamaContext {}',
    'src/control/jobs/batch-handler.ts': '',
  });
  assert.deepEqual(places, []);
});

test('names fall into words at capitals, digits and separators', () => {
  assert.deepEqual(wordsOf('createHTTPServer_v2-node'), ['create', 'http', 'server', 'v2', 'node']);
});
