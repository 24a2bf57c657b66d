import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { encodeFrame } from '../../core/framing/index.ts';
import type { InferenceEvent } from '../../core/inference/index.ts';
import { createLogger } from '../../core/telemetry/index.ts';
import { answerWith, startFakeWorker, TIMINGS, type FakeScript, type FakeWorker } from '../fake-worker.ts';
import { generateRequest, routedModel, routedReplica, FakeSnapshots } from '../fake-snapshots.ts';
import { ReplicaConnections } from './replica-connections.ts';

const logger = createLogger({ level: 'silent' });

interface Line {
  readonly worker: FakeWorker;
  readonly snapshots: FakeSnapshots;
  readonly connections: ReplicaConnections;
  readonly replica: ReturnType<typeof routedReplica>;
}

async function openLine(context: TestContext, script: FakeScript): Promise<Line> {
  const worker = await startFakeWorker(script);
  const replica = routedReplica({ socketPath: worker.socketPath });
  const snapshots = new FakeSnapshots([routedModel({ replicas: [replica] })]);
  const connections = new ReplicaConnections({ snapshots, logger });
  context.after(async () => {
    connections.close();
    await worker.close();
  });
  await reachable(connections);
  return { worker, snapshots, connections, replica };
}

function reachable(connections: ReplicaConnections): Promise<void> {
  return new Promise((resolve) => {
    const stop = connections.onReachable(() => {
      stop();
      resolve();
    });
  });
}

async function collect(events: AsyncIterable<InferenceEvent>): Promise<InferenceEvent[]> {
  const all: InferenceEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

function lastError(events: readonly InferenceEvent[]): string | undefined {
  const last = events.at(-1);
  return last?.type === 'failed' ? last.error.code : undefined;
}

test('a request travels to the replica and its events come back', async (context) => {
  const { connections, replica, worker } = await openLine(context, answerWith('Hallo', ' Welt'));
  const events = await collect(connections.infer(replica, generateRequest()));
  assert.deepEqual(
    events.map((event) => event.type),
    ['text-delta', 'text-delta', 'choice-finished', 'usage-report', 'finished'],
  );
  assert.deepEqual(worker.received, [{ type: 'infer', stream: 0, request: generateRequest(), delivery: 'stream' }]);
});

test('streams on one connection do not mix', async (context) => {
  const { connections, replica } = await openLine(context, ({ request, send }) => {
    send({ type: 'text-delta', choice: 0, text: request.id });
    setImmediate(() => send({ type: 'text-delta', choice: 0, text: `${request.id}!` }, { type: 'finished', timings: TIMINGS }));
  });
  const answers = await Promise.all(
    ['a', 'b', 'c'].map(async (id) => {
      const events = await collect(connections.infer(replica, generateRequest({ id })));
      return events.map((event) => (event.type === 'text-delta' ? event.text : event.type)).join(' ');
    }),
  );
  assert.deepEqual(answers, ['a a! finished', 'b b! finished', 'c c! finished']);
});

test('vectors travel as bytes in the body of a frame', async (context) => {
  const values = new Uint8Array(new Float32Array([0.5, -2]).buffer);
  const line = await openLine(context, ({ stream }) => {
    const event = { type: 'embedding', index: 0, values: { offset: 0, length: 8 } };
    const events = [
      [stream, event],
      [stream, { type: 'finished', timings: TIMINGS }],
    ];
    line.worker.sendRaw(encodeFrame({ type: 'events', events }, [values]));
  });
  const [first] = await collect(line.connections.infer(line.replica, generateRequest()));
  assert.equal(first?.type, 'embedding');
  assert.deepEqual(new Uint8Array(first.values), values);
});

test('a worker that dies gives replica_lost to every open stream, and the connection comes back', async (context) => {
  let isFirst = true;
  const { connections, replica } = await openLine(context, (stream) => {
    if (!isFirst) return answerWith('again')(stream);
    stream.send({ type: 'text-delta', choice: 0, text: 'begun' });
    setImmediate(stream.die);
  });
  const lost = await Promise.all([1, 2].map(() => collect(connections.infer(replica, generateRequest()))));
  assert.deepEqual(lost.map(lastError), ['replica_lost', 'replica_lost']);
  isFirst = false;
  await reachable(connections);
  assert.equal((await collect(connections.infer(replica, generateRequest()))).at(-1)?.type, 'finished');
});

test('a replica that is not reachable answers with replica_lost at once', async (context) => {
  const { connections, replica, snapshots } = await openLine(context, answerWith('x'));
  assert.equal(connections.isReachable(replica), true);
  snapshots.set([routedModel({ replicas: [routedReplica({ ...replica, state: 'failed' })] })]);
  assert.equal(connections.isReachable(replica), false);
  assert.equal(lastError(await collect(connections.infer(replica, generateRequest()))), 'replica_lost');
});

test('a draining replica finishes what it has begun', async (context) => {
  const line = await openLine(context, ({ send }) => {
    line.snapshots.set([routedModel({ replicas: [routedReplica({ ...line.replica, state: 'draining' })] })]);
    send({ type: 'finished', timings: TIMINGS });
  });
  assert.equal((await collect(line.connections.infer(line.replica, generateRequest()))).at(-1)?.type, 'finished');
});

test('leaving a stream cancels it in the worker', async (context) => {
  const { connections, replica, worker } = await openLine(context, ({ send }) =>
    send({ type: 'text-delta', choice: 0, text: 'x' }),
  );
  for await (const event of connections.infer(replica, generateRequest())) {
    assert.equal(event.type, 'text-delta');
    break;
  }
  assert.deepEqual(await worker.waitFor((message) => message.type === 'cancel'), { type: 'cancel', stream: 0 });
});

test('a reader that does not read pauses its stream in the worker and resumes it when it reads on', async (context) => {
  const { connections, replica, worker } = await openLine(context, ({ send }) => {
    for (let index = 0; index < 100; index++) send({ type: 'text-delta', choice: 0, text: 'x' });
  });
  const events = connections.infer(replica, generateRequest())[Symbol.asyncIterator]();
  await worker.waitFor((message) => message.type === 'pause');
  for (let index = 0; index < 100; index++) await events.next();
  await worker.waitFor((message) => message.type === 'resume');
  await events.return?.();
});

const hostileFrames: ReadonlyArray<readonly [what: string, frame: Uint8Array]> = [
  ['a header that is not JSON', Buffer.concat([Buffer.from([3, 0, 0, 0, 0, 0, 0, 0]), Buffer.from('{{{')])],
  ['a frame of another type', encodeFrame({ type: 'hello' })],
  ['an unknown event', encodeFrame({ type: 'events', events: [[1, { type: 'what' }]] })],
  ['an event without its fields', encodeFrame({ type: 'events', events: [[1, { type: 'text-delta', choice: 0 }]] })],
  [
    'an unknown error code',
    encodeFrame({ type: 'events', events: [[1, { type: 'failed', error: { code: 'toString', message: 'x' } }]] }),
  ],
  [
    'a vector beyond its frame',
    encodeFrame({ type: 'events', events: [[1, { type: 'embedding', index: 0, values: { offset: 0, length: 64 } }]] }),
  ],
  ['a frame of four gigabytes', Buffer.from([255, 255, 255, 255, 255, 255, 255, 255])],
];

for (const [what, frame] of hostileFrames) {
  test(`a worker that sends ${what} loses the connection and nothing else`, async (context) => {
    const line = await openLine(context, () => line.worker.sendRaw(frame));
    assert.equal(lastError(await collect(line.connections.infer(line.replica, generateRequest()))), 'replica_lost');
  });
}

test('a request larger than a frame fails alone', async (context) => {
  const { connections, replica } = await openLine(context, answerWith('Hallo'));
  const data = new Uint8Array(128 * 1024 * 1024);
  const inputs = ['a', 'b'].map((name) => ({ name, datatype: 'UINT8' as const, shape: [data.length], data }));
  const large = { kind: 'tensors' as const, id: 'large', model: 'chat', timeLeftMs: 1000, inputs, parameters: {} };
  const [small, refused] = await Promise.all([
    collect(connections.infer(replica, generateRequest())),
    collect(connections.infer(replica, large)),
  ]);
  assert.equal(lastError(refused), 'body_too_large');
  assert.equal(small.at(-1)?.type, 'finished');
});
