import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readAllCaptures, type CapturePage } from './captures.ts';

function pages() {
  const asked: CapturePage[] = [];
  const answers = [
    { count: 2, oldestAt: 80, newestAt: 90, kinds: { chat: 2 }, redacted: {}, captures: [], next: '80.c' },
    { count: 2, oldestAt: 60, newestAt: 70, kinds: { chat: 1, embed: 1 }, redacted: { 'e-mail': 3 }, next: '60.c' },
    { count: 1, oldestAt: 50, newestAt: 50, kinds: { embed: 1 }, redacted: { 'e-mail': 1 } },
  ];
  const ask = (page: CapturePage) => Promise.resolve(answers[asked.push(page) - 1] ?? assert.fail('there are no more'));
  return { asked, ask };
}

test('kept requests are counted page by page', async () => {
  const { asked, ask } = pages();
  assert.deepEqual(await readAllCaptures(ask), {
    count: 5,
    oldestAt: 50,
    newestAt: 90,
    kinds: { chat: 3, embed: 2 },
    redacted: { 'e-mail': 4 },
    captures: [],
  });
  assert.deepEqual(
    asked.map(({ before }) => before),
    [undefined, '80.c', '60.c'],
  );
});

test('only the newest hundred are asked for with what they say', async () => {
  const { asked, ask } = pages();
  await readAllCaptures(ask, true);
  assert.deepEqual(
    asked.map(({ limit, contents }) => [limit, contents]),
    [
      [100, 1],
      [1000, undefined],
      [1000, undefined],
    ],
  );
});
