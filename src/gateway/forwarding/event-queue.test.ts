import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InferenceEvent } from '../../core/inference/index.ts';
import { EventQueue } from './event-queue.ts';

const FINISHED: InferenceEvent = { type: 'finished', timings: { queueMs: 0, prefillMs: 0, decodeMs: 0 } };

function delta(text: string): InferenceEvent {
  return { type: 'text-delta', choice: 0, text };
}

function recordedQueue(): { queue: EventQueue; calls: string[] } {
  const calls: string[] = [];
  const queue = new EventQueue(7, {
    cancel: (stream) => void calls.push(`cancel ${stream}`),
    pause: (stream) => void calls.push(`pause ${stream}`),
    resume: (stream) => void calls.push(`resume ${stream}`),
  });
  return { queue, calls };
}

test('a queue gives its events in order, to a reader that is ahead as to one that is behind', async () => {
  const { queue } = recordedQueue();
  const early = queue.next();
  queue.push(delta('a'));
  queue.push(delta('b'));
  queue.push(FINISHED);
  assert.deepEqual((await early).value, delta('a'));
  const rest: InferenceEvent[] = [];
  for await (const event of queue) rest.push(event);
  assert.deepEqual(rest, [delta('b'), FINISHED]);
});

test('events after the terminal one are dropped', async () => {
  const { queue } = recordedQueue();
  queue.push(FINISHED);
  queue.push(delta('late'));
  queue.fail({ code: 'replica_lost', message: 'late' });
  const events: InferenceEvent[] = [];
  for await (const event of queue) events.push(event);
  assert.deepEqual(events, [FINISHED]);
});

test('a reader that falls behind pauses its source once and resumes it once it has caught up', async () => {
  const { queue, calls } = recordedQueue();
  for (let index = 0; index < 64; index++) queue.push(delta('x'));
  assert.deepEqual(calls, []);
  for (let index = 0; index < 10; index++) queue.push(delta('x'));
  assert.deepEqual(calls, ['pause 7']);
  for (let index = 0; index < 57; index++) await queue.next();
  assert.deepEqual(calls, ['pause 7']);
  await queue.next();
  assert.deepEqual(calls, ['pause 7', 'resume 7']);
});

test('many unread bytes pause the source as many unread events do', () => {
  const { queue, calls } = recordedQueue();
  queue.push(delta('x'.repeat(70_000)));
  assert.deepEqual(calls, ['pause 7']);
});

test('a source that ignores the pause loses the stream instead of filling memory', async () => {
  const { queue, calls } = recordedQueue();
  for (let index = 0; index < 70_000; index++) queue.push(delta('x'));
  assert.deepEqual(calls, ['pause 7', 'cancel 7']);
  let last: InferenceEvent | undefined;
  let count = 0;
  for await (const event of queue) {
    last = event;
    count += 1;
  }
  assert.equal(last?.type === 'failed' && last.error.code, 'engine_failed');
  assert.ok(count <= 65_540);
});

test('leaving a queue cancels its source once, and a finished one not at all', async () => {
  const { queue, calls } = recordedQueue();
  const waiting = queue.next();
  await queue.return();
  await queue.return();
  assert.equal((await waiting).done, true);
  assert.deepEqual(calls, ['cancel 7']);
  const other = recordedQueue();
  other.queue.push(FINISHED);
  await other.queue.return();
  assert.deepEqual(other.calls, []);
  assert.equal((await other.queue.next()).done, true);
});
