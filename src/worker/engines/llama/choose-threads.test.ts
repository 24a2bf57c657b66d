import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseThreads, type ThreadFacts } from './choose-threads.ts';

const quiet: ThreadFacts = { threads: 2, candidates: [1, 2, 4], slowdowns: [], preferred: 2, isRetryDue: false };

const rows: { title: string; facts: Partial<ThreadFacts>; expected: number }[] = [
  { title: 'a quiet machine keeps its threads', facts: {}, expected: 2 },
  { title: 'two slow steps are borne', facts: { slowdowns: [3, 3] }, expected: 2 },
  { title: 'three slow steps cost threads', facts: { slowdowns: [3, 3, 3] }, expected: 1 },
  { title: 'one stalled step costs threads at once', facts: { slowdowns: [40] }, expected: 1 },
  { title: 'one thread is the least', facts: { threads: 1, slowdowns: [40, 40, 40] }, expected: 1 },
  { title: 'threads are tried again when due', facts: { threads: 1, isRetryDue: true }, expected: 2 },
  { title: 'no more threads than did well are tried', facts: { threads: 2, isRetryDue: true }, expected: 2 },
];

for (const { title, facts, expected } of rows) {
  test(title, () => assert.equal(chooseThreads({ ...quiet, ...facts }), expected));
}
