import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseThreads, type ThreadFacts } from './choose-threads.ts';

const quiet: ThreadFacts = {
  threads: 2,
  candidates: [1, 2, 4],
  spentMs: 1_000,
  lowerMs: 1_700,
  highest: 2,
  isRetryDue: false,
};

const rows: { title: string; facts: Partial<ThreadFacts>; expected: number }[] = [
  { title: 'a quiet machine keeps its threads', facts: {}, expected: 2 },
  { title: 'a slow spell in which fewer threads would be no faster is borne', facts: { spentMs: 1_900 }, expected: 2 },
  { title: 'a slow spell in which fewer threads would be faster costs threads', facts: { spentMs: 2_000 }, expected: 1 },
  { title: 'one thread is the least', facts: { threads: 1, spentMs: 50_000 }, expected: 1 },
  { title: 'threads are tried again when due', facts: { threads: 1, isRetryDue: true }, expected: 2 },
  {
    title: 'a slow spell at the lowest count does not forbid another try',
    facts: { threads: 1, spentMs: 9_000, isRetryDue: true },
    expected: 2,
  },
  { title: 'no more threads than are worth it are tried', facts: { threads: 2, isRetryDue: true }, expected: 2 },
];

for (const { title, facts, expected } of rows) {
  test(title, () => assert.equal(chooseThreads({ ...quiet, ...facts }), expected));
}
