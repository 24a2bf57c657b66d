import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ThreadTuner } from './thread-tuner.ts';

/** Two threads halve the time of a step. */
function twoCores(): ThreadTuner {
  const tuner = new ThreadTuner([1, 2], (threads) => 20 / threads);
  for (let i = 0; i < 10; i++) tuner.observe(1, 10, i);
  return tuner;
}

test('the fastest thread count is taken at the start', () => {
  assert.equal(new ThreadTuner([1, 2, 4], (threads) => (threads === 2 ? 5 : 9)).threads, 2);
});

test('a single choice is not measured', () => {
  const tuner = new ThreadTuner([3], () => assert.fail('measured'));
  assert.equal(tuner.observe(1, 1000, 0), 3);
});

test('a spinning barrier beside a busy neighbour costs threads at once', () => {
  assert.equal(twoCores().observe(1, 400, 100), 1);
});

test('noise that slows some steps does not cost threads', () => {
  const tuner = twoCores();
  for (let i = 0; i < 40; i++) assert.equal(tuner.observe(1, i % 4 === 0 ? 25 : 10, 100 + i), 2);
});

test('a lasting slowdown beyond what one thread takes costs threads', () => {
  const tuner = twoCores();
  for (let i = 0; i < 12; i++) tuner.observe(1, 26, 100 + i);
  assert.equal(tuner.threads, 1);
});

test('threads are tried again after a hold that grows', () => {
  const tuner = twoCores();
  tuner.observe(1, 400, 100);
  assert.equal(tuner.observe(1, 20, 9_000), 1);
  assert.equal(tuner.observe(1, 20, 10_200), 2);
  assert.equal(tuner.observe(1, 400, 10_300), 1);
  assert.equal(tuner.observe(1, 20, 25_000), 1, 'the second hold is longer');
  assert.equal(tuner.observe(1, 20, 31_000), 2);
});

test('a count that did well for long has a short hold again', () => {
  const tuner = twoCores();
  tuner.observe(1, 400, 100);
  tuner.observe(1, 20, 10_200);
  for (let now = 10_300; now < 40_000; now += 1_000) tuner.observe(1, 10, now);
  assert.equal(tuner.observe(1, 400, 40_000), 1);
  assert.equal(tuner.observe(1, 20, 45_100), 2);
});

test('a larger step is compared with its like', () => {
  const tuner = twoCores();
  for (let i = 0; i < 20; i++) {
    assert.equal(tuner.observe(1, 10, i), 2);
    assert.equal(tuner.observe(64, 400, i), 2);
  }
});
