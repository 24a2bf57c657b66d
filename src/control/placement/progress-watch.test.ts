import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_PROGRESS, ProgressWatch } from './progress-watch.ts';

test('work counts as held from the first pong that shows it until one that shows none', () => {
  const watch = new ProgressWatch(0);
  watch.noteProgress({ ...NO_PROGRESS, runnableSequences: 1, runningSequences: 1 }, 10);
  watch.noteProgress({ ...NO_PROGRESS, runnableSequences: 2, runningSequences: 2 }, 20);
  assert.equal(watch.workHeldSinceMs, 10);
  watch.noteProgress(NO_PROGRESS, 30);
  assert.equal(watch.workHeldSinceMs, undefined);
});

test('requests that wait behind paused sequences are not held work, those that wait alone are', () => {
  const watch = new ProgressWatch(0);
  watch.noteProgress({ ...NO_PROGRESS, waitingRequests: 3, runningSequences: 4 }, 10);
  assert.equal(watch.workHeldSinceMs, undefined);
  watch.noteProgress({ ...NO_PROGRESS, waitingRequests: 3 }, 20);
  assert.equal(watch.workHeldSinceMs, 20);
});

test('only a changed count is a step, only a changed token count an answer', () => {
  const watch = new ProgressWatch(0);
  watch.noteProgress({ ...NO_PROGRESS, steps: 5 }, 10);
  watch.noteProgress({ ...NO_PROGRESS, steps: 5 }, 20);
  assert.deepEqual([watch.lastStepAtMs, watch.lastAnswerAtMs, watch.lastPongAtMs], [10, 0, 20]);
  watch.noteProgress({ ...NO_PROGRESS, steps: 6, generatedTokens: 1 }, 30);
  assert.deepEqual([watch.lastStepAtMs, watch.lastAnswerAtMs], [30, 30]);
});

test('a long step is remembered while it is fresh, the usual one for good', () => {
  const watch = new ProgressWatch(0);
  const note = (steps: number, stepMs: number) => watch.noteProgress({ ...NO_PROGRESS, steps, stepMs }, steps);
  for (let steps = 1; steps <= 100; steps++) note(steps, 10);
  note(101, 400);
  assert.equal(watch.normalStepMs, 400);
  for (let steps = 102; steps <= 800; steps++) note(steps, 10);
  assert.ok(watch.normalStepMs >= 10 && watch.normalStepMs < 11);
  for (let pongs = 0; pongs < 10_000; pongs++) note(800, 10);
  assert.ok(watch.normalStepMs >= 10 && watch.normalStepMs < 11);
});

test('a replica that has hardly stepped yet is given time for longer steps', () => {
  const watch = new ProgressWatch(0);
  watch.noteProgress({ ...NO_PROGRESS, steps: 3, stepMs: 2 }, 10);
  assert.equal(watch.normalStepMs, 150);
  watch.noteProgress({ ...NO_PROGRESS, steps: 64, stepMs: 2 }, 20);
  assert.equal(watch.normalStepMs, 2);
});
