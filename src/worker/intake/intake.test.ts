import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { encodeFrame, FrameReader } from '../../core/framing/index.ts';
import type { InferenceEvent } from '../../core/inference/index.ts';
import type { FromWorker, ToWorker } from '../../core/messages/index.ts';
import { EventBatch } from './event-batch.ts';
import { openIntake, type IntakeReceiver } from './intake.ts';

const infer = (stream: number, id: string): ToWorker => ({
  type: 'infer',
  stream,
  delivery: 'whole',
  request: { kind: 'tensors', id, model: 'm', timeLeftMs: 1000, inputs: [], parameters: {} },
});

test('a request that is refused on arrival is not kept', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'plinth-intake-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const cancelled: string[] = [];
  const bothCame = Promise.withResolvers<void>();
  const allCancelled = Promise.withResolvers<void>();
  const receiver: IntakeReceiver<string> = {
    accept: ({ request }, sink) => {
      if (request.id === 'refused') sink.emit({ type: 'failed', error: { code: 'queue_full', message: 'No room.' } });
      else bothCame.resolve();
      return request.id;
    },
    cancel: (id) => {
      cancelled.push(id);
      allCancelled.resolve();
    },
    pause: () => undefined,
    resume: () => undefined,
  };
  const path = join(folder, 'intake.sock');
  const intake = await openIntake(path, receiver);
  context.after(() => intake.close());
  const caller = connect(path);
  await once(caller, 'connect');
  caller.write(encodeFrame(infer(1, 'refused')));
  caller.write(encodeFrame(infer(2, 'kept')));
  await bothCame.promise;
  caller.destroy();
  await allCancelled.promise;
  assert.deepEqual(cancelled, ['kept']);
});

const tensorEvent = (bytes: number): InferenceEvent => ({
  type: 'tensor',
  response: 0,
  tensor: { name: 'y', datatype: 'UINT8', shape: [bytes], data: new Uint8Array(bytes) },
});
const finished: InferenceEvent = { type: 'finished', timings: { queueMs: 0, prefillMs: 0, decodeMs: 0 } };

test('answers that do not fit one frame go in several, and one that fits none fails alone', () => {
  const frames: Array<ReadonlyArray<readonly [number, string]>> = [];
  const reader = new FrameReader();
  const write = (bytes: Uint8Array | string): boolean => {
    for (const { header } of reader.push(Buffer.from(bytes)))
      frames.push((header as FromWorker).events.map(([stream, { type }]) => [stream, type] as const));
    return true;
  };
  const batch = new EventBatch({ write, destroyed: false }, 100);
  const ended: number[] = [];
  const sinks = [1, 2, 3].map((stream) => batch.sinkFor(stream, () => ended.push(stream)));
  for (const [index, bytes] of [60, 101, 70].entries()) {
    sinks[index]?.emit(tensorEvent(bytes));
    sinks[index]?.emit(finished);
  }
  batch.flush();
  assert.deepEqual(frames, [
    [
      [1, 'tensor'],
      [1, 'finished'],
      [2, 'failed'],
    ],
    [
      [3, 'tensor'],
      [3, 'finished'],
    ],
  ]);
  assert.deepEqual(ended, [1, 2, 3]);
});
