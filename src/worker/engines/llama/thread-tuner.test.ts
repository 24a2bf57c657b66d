import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ThreadTuner } from './thread-tuner.ts';

const step = (tokens: number, attended = 100) => ({ tokens, attended });

/** Two threads halve the time of a step. */
function twoCores(): ThreadTuner {
  const tuner = new ThreadTuner([1, 2], (threads) => 20 / threads);
  for (let i = 0; i < 10; i++) tuner.observe(step(1), 10, i);
  return tuner;
}

test('the fastest thread count is taken at the start', () => {
  assert.equal(new ThreadTuner([1, 2, 4], (threads) => (threads === 2 ? 5 : 9)).threads, 2);
});

test('a single choice is not measured', () => {
  const tuner = new ThreadTuner([3], () => assert.fail('measured'));
  assert.equal(tuner.observe(step(1), 1000, 0), 3);
});

test('a spinning barrier beside a busy neighbour costs threads within two steps', () => {
  const tuner = twoCores();
  tuner.observe(step(1), 700, 800);
  assert.equal(tuner.observe(step(1), 700, 1_500), 1);
});

test('noise that slows some steps does not cost threads', () => {
  const tuner = twoCores();
  for (let i = 0; i < 80; i++) assert.equal(tuner.observe(step(1), i % 10 === 0 ? 90 : 10, 100 + 20 * i), 2);
});

test('a lasting slowdown beyond what one thread takes costs threads', () => {
  const tuner = twoCores();
  for (let i = 0; i < 60; i++) tuner.observe(step(1), 30, 100 + 30 * i);
  assert.equal(tuner.threads, 1);
});

test('threads are tried again after a hold that grows', () => {
  const tuner = twoCores();
  tuner.observe(step(1), 2_000, 2_100);
  assert.equal(tuner.observe(step(1), 20, 6_000), 1);
  assert.equal(tuner.observe(step(1), 20, 6_200), 2);
  assert.equal(tuner.observe(step(1), 2_000, 8_200), 1);
  assert.equal(tuner.observe(step(1), 20, 16_000), 1, 'the second hold is longer');
  assert.equal(tuner.observe(step(1), 20, 16_300), 2);
});

test('a count that did well for long has a short hold again', () => {
  const tuner = twoCores();
  tuner.observe(step(1), 2_000, 2_100);
  tuner.observe(step(1), 20, 6_200);
  for (let now = 6_300; now < 40_000; now += 1_000) tuner.observe(step(1), 10, now);
  assert.equal(tuner.observe(step(1), 2_000, 40_000), 1);
  assert.equal(tuner.observe(step(1), 20, 42_100), 2);
});

test('a larger step is compared with its like', () => {
  const tuner = twoCores();
  for (let i = 0; i < 20; i++) {
    assert.equal(tuner.observe(step(1), 10, i), 2);
    assert.equal(tuner.observe(step(64), 400, i), 2);
  }
});

test('a step with a long context behind it is compared with its like', () => {
  const tuner = twoCores();
  for (let i = 0; i < 200; i++) assert.equal(tuner.observe(step(1, 2_000), 25, 200 + 25 * i), 2);
});

test('a count that was no faster while the machine was busy is tried again and kept when it is', () => {
  const tuner = new ThreadTuner([1, 2, 4], (threads) => 20 * threads);
  assert.equal(tuner.threads, 1);
  assert.equal(tuner.observe(step(1), 20, 100), 1);
  assert.equal(tuner.observe(step(1), 20, 2_100), 2);
  for (let i = 0; i < 300; i++) assert.equal(tuner.observe(step(1), 12, 2_200 + 12 * i), 2);
});

test('a count that is slower than the one below when tried is left', () => {
  const tuner = new ThreadTuner([1, 2], (threads) => 20 * threads);
  for (let i = 0; i < 100; i++) tuner.observe(step(1), 20, 20 * i);
  assert.equal(tuner.observe(step(1), 20, 2_100), 2);
  for (let i = 0; i < 60; i++) tuner.observe(step(1), 30, 2_200 + 30 * i);
  assert.equal(tuner.threads, 1);
});
