import assert from 'node:assert/strict';
import { test } from 'node:test';
import { missingLine, runnableBlocks } from './runnable-blocks.ts';

const page = [
  '# Page',
  '',
  '```sh runnable',
  'plinth ps',
  '```',
  '',
  'prints',
  '',
  '```text output',
  'NAME …',
  '```',
  '',
  '```sh',
  'npm start',
  '```',
  '',
].join('\n');

test('marked blocks are found with their place and output, others are not', () => {
  assert.deepEqual(runnableBlocks('docs/page.md', page), [
    { place: 'docs/page.md:3', language: 'sh', code: 'plinth ps\n', expected: ['NAME …'] },
  ]);
});

test('an output that belongs to no command is refused', () => {
  assert.throws(() => runnableBlocks('a.md', '```text output\nx\n```\n'), /a\.md:1 tells the output of no runnable block/);
});

test('expected lines are looked for in their order, with gaps', () => {
  assert.equal(missingLine(['a …', 'c'], 'x\na (1)\nb\nc\n'), undefined);
  assert.equal(missingLine(['c', 'a …'], 'a 1\nc\n'), 'a …');
});

test('only the ellipsis is a wildcard', () => {
  assert.equal(missingLine(['a.c'], 'abc'), 'a.c');
});
