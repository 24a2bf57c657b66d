import assert from 'node:assert/strict';
import { test } from 'node:test';
import { placesIn } from '../fixture-tree.ts';
import { pureChoices } from './pure-choices.ts';

test('a choice that reads clock, chance or environment is found', () => {
  const text = [
    `import { cpus } from 'node:os';`,
    'Date.now();',
    'Math.random();',
    'process.env;',
    'new Date();',
    'performance.now();',
  ].join('\n');
  const places = placesIn(pureChoices, { 'src/gateway/balancing/choose-replica.ts': text });
  assert.deepEqual(
    places.toSorted(),
    [1, 2, 3, 4, 5, 6].map((line) => `src/gateway/balancing/choose-replica.ts:${line}`),
  );
});

test('the same reads pass elsewhere, and times that are arguments pass in a choice', () => {
  const places = placesIn(pureChoices, {
    'src/gateway/balancing/balance.ts': 'Date.now();',
    'src/gateway/balancing/choose-replica.test.ts': 'Math.random();',
    'src/gateway/balancing/choose-replica.ts': 'export function choose(now: number) { return new Date(now); }',
  });
  assert.deepEqual(places, []);
});
