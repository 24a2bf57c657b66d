import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ThreadTuner } from './thread-tuner.ts';

test('the fastest thread count is taken at the start', () => {
  assert.equal(new ThreadTuner([1, 2, 4], (threads) => (threads === 2 ? 5 : 9)).threads, 2);
});

test('a single choice is not measured', () => {
  const tuner = new ThreadTuner([3], () => assert.fail('measured'));
  assert.equal(tuner.observe(1, 1000, 0), 3);
});

test('a spinning barrier beside a busy neighbour costs threads and is tried again after the hold', () => {
  const tuner = new ThreadTuner([1, 2], (threads) => 20 / threads);
  for (let i = 0; i < 5; i++) tuner.observe(1, 10, i);
  assert.equal(tuner.observe(1, 400, 100), 1);
  assert.equal(tuner.observe(1, 20, 200), 1);
  assert.equal(tuner.observe(1, 20, 6_000), 2);
  tuner.observe(1, 400, 6_100);
  assert.equal(tuner.threads, 1);
  assert.equal(tuner.observe(1, 20, 12_000), 1, 'the second hold is longer');
  assert.equal(tuner.observe(1, 20, 17_000), 2);
});

test('a larger step is compared with its like', () => {
  const tuner = new ThreadTuner([1, 2], (threads) => 20 / threads);
  for (let i = 0; i < 20; i++) {
    assert.equal(tuner.observe(1, 10, i), 2);
    assert.equal(tuner.observe(64, 400, i), 2);
  }
});
