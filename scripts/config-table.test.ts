import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { CONFIG_PAGE, withConfigTable } from './config-table.ts';

test('the configuration guide lists the fields as the schema has them', () => {
  const page = readFileSync(CONFIG_PAGE, 'utf8');
  assert.equal(page, withConfigTable(page), 'write it anew with: npx node scripts/config-table.ts');
});

test('a page without markers is refused', () => {
  assert.throws(() => withConfigTable('# Configuration'), /no markers/);
});
