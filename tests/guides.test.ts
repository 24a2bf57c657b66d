import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { missingLine, runnableBlocks } from './guides/runnable-blocks.ts';
import { root, ServedGuides } from './guides/served-guides.ts';

const documents = ['README.md', ...globSync('docs/guides/*.md', { cwd: root }).toSorted()];
const blocks = documents.flatMap((file) => runnableBlocks(file, readFileSync(join(root, file), 'utf8')));
let guides: ServedGuides;

before(async () => {
  guides = await ServedGuides.start();
});

after(async () => {
  await guides.stop();
});

for (const block of blocks) {
  test(`the block at ${block.place} runs and prints what the page says`, async () => {
    const { code, output } = await guides.run(block);
    assert.equal(code, 0, `it ended with ${code}:\n${block.code}\n${output}`);
    const missing = missingLine(block.expected, output);
    assert.equal(missing, undefined, `no line "${missing}" in:\n${output}`);
  });
}

test('every guide has a block that runs', () => {
  const covered = new Set(blocks.map(({ place }) => place.replace(/:\d+$/, '')));
  assert.deepEqual(
    documents.filter((file) => !covered.has(file)),
    [],
  );
});
