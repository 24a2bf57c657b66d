import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findIn, placesIn } from '../fixture-tree.ts';
import { docLinks } from './doc-links.ts';

test('links to files, folders and headings that exist pass', () => {
  const places = placesIn(docLinks, {
    'README.md':
      '[a](docs/a.md) [b](docs/) [c](docs/a.md#first-steps-100-ms) [d](https://example.com/x) [e](#local)\n\n## Local\n',
    'docs/a.md': '# First steps: 100 ms!\n\n[up](../README.md)\n',
  });
  assert.deepEqual(places, []);
});

test('a link to a missing file or heading is found', () => {
  const findings = findIn(docLinks, { 'README.md': '\n[a](docs/b.md)\n[b](#nothing)\n' });
  assert.deepEqual(
    findings.map(({ line, problem }) => `${line} ${problem}`),
    ['2 link to docs/b.md, which does not exist', '3 link to the heading #nothing, which README.md does not have'],
  );
});

test('brackets inside a code block are no links', () => {
  assert.deepEqual(placesIn(docLinks, { 'README.md': '```js\nhandlers[name](event)\n```\n' }), []);
});

test('a quoted path of the repository must exist, from its root or from src', () => {
  const findings = findIn(docLinks, {
    'README.md': 'see `src/core/a.ts`, `core/a.ts`, `gateway/b.ts`, `x.test.ts` and `npm:package/file`',
    'src/core/a.ts': '',
  });
  assert.deepEqual(
    findings.map(({ problem }) => problem),
    ['gateway/b.ts does not exist'],
  );
});
