import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { InferenceEvent } from '../../core/inference/index.ts';
import type { RoutedReplica } from '../../core/messages/index.ts';
import { generateRequest, routedModel, routedReplica, FakeSnapshots } from '../fake-snapshots.ts';
import type { NextStage, StageCall } from '../stage.ts';
import { createBalance, type Balance } from './balance.ts';

const FINISHED: InferenceEvent = { type: 'finished', timings: { queueMs: 0, prefillMs: 0, decodeMs: 0 } };
const LOST: InferenceEvent = { type: 'failed', error: { code: 'replica_lost', message: 'gone' } };
const ALWAYS_REACHABLE = { isReachable: () => true, onReachable: () => () => undefined };

function delta(text: string): InferenceEvent {
  return { type: 'text-delta', choice: 0, text };
}

function callWith(fields: Partial<StageCall> = {}): StageCall {
  return {
    requestId: 'req-1',
    principal: { keyId: 'k', role: 'inference' },
    signal: new AbortController().signal,
    deadlineMs: performance.now() + 60_000,
    record: { startedMs: 0, deltas: 0 },
    ...fields,
  };
}

interface Bench {
  readonly snapshots: FakeSnapshots;
  readonly balance: Balance;
  /** Replica and time left of every attempt. */
  readonly attempts: Array<{ replica: string | undefined; timeLeftMs: number }>;
  ask(next: NextStage, call?: StageCall, version?: string): AsyncIterableIterator<InferenceEvent>;
}

const opened: Balance[] = [];

/** Streams that a test left hanging would keep the process until their deadline. */
afterEach(() => {
  for (const balance of opened.splice(0)) balance.failAll({ code: 'draining', message: 'test is over' });
});

function openBench(replicas: readonly RoutedReplica[], fields: Parameters<typeof routedModel>[0] = {}): Bench {
  const snapshots = new FakeSnapshots([routedModel({ replicas, ...fields })]);
  const balance = createBalance({ snapshots, reachability: ALWAYS_REACHABLE, random: () => 0 });
  opened.push(balance);
  const attempts: Bench['attempts'] = [];
  const ask: Bench['ask'] = (next, call = callWith(), version?: string) => {
    const events = balance.stage(generateRequest(version === undefined ? {} : { version }), call, (request, attemptCall) => {
      attempts.push({ replica: attemptCall.replica?.id, timeLeftMs: request.timeLeftMs });
      return next(request, attemptCall);
    });
    return events[Symbol.asyncIterator]() as AsyncIterableIterator<InferenceEvent>;
  };
  return { snapshots, balance, attempts, ask };
}

/** An attempt that gives these events and then ends, or hangs after them. */
function giving(events: readonly InferenceEvent[], end: 'ends' | 'hangs' = 'ends'): NextStage {
  return async function* () {
    yield* events;
    if (end === 'hangs') await new Promise(() => undefined);
  };
}

async function collect(events: AsyncIterable<InferenceEvent>): Promise<InferenceEvent[]> {
  const all: InferenceEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

function errorOf(events: readonly InferenceEvent[]): string | undefined {
  const last = events.at(-1);
  return last?.type === 'failed' ? last.error.code : undefined;
}

const TWO = [routedReplica({ id: 'a' }), routedReplica({ id: 'b' })];

test('a request that lost its replica before its first event succeeds on another one', async () => {
  const bench = openBench(TWO);
  const events = await collect(
    bench.ask((request, call) => giving(call.replica?.id === 'a' ? [LOST] : [delta('x'), FINISHED])(request, call)),
  );
  assert.deepEqual(events, [delta('x'), FINISHED]);
  assert.deepEqual(
    bench.attempts.map((attempt) => attempt.replica),
    ['a', 'b'],
  );
});

test('a request whose only replica is lost waits for the one that replaces it', async () => {
  const bench = openBench([routedReplica({ id: 'a' })]);
  const asked = collect(
    bench.ask((request, call) => {
      if (call.replica?.id === 'b') return giving([FINISHED])(request, call);
      bench.snapshots.set([routedModel({ replicas: [routedReplica({ id: 'a', state: 'failed' })] })]);
      return giving([LOST])(request, call);
    }),
  );
  await turn();
  bench.snapshots.set([routedModel({ replicas: [routedReplica({ id: 'b', state: 'loading' })] })]);
  await turn();
  bench.snapshots.set([routedModel({ replicas: [routedReplica({ id: 'b' })] })]);
  assert.deepEqual(await asked, [FINISHED]);
});

test('a request that takes three replicas down is given up as an engine failure', async () => {
  const bench = openBench(TWO);
  const events = await collect(bench.ask(giving([LOST])));
  assert.equal(events.length, 1);
  assert.equal(errorOf(events), 'engine_failed');
  assert.equal(bench.attempts.length, 3);
});

test('a stream that had begun ends with one replica_lost and is not begun again', async () => {
  const bench = openBench(TWO);
  const events = await collect(bench.ask(giving([delta('half'), LOST, delta('late'), FINISHED])));
  assert.equal(events.length, 2);
  assert.equal(errorOf(events), 'replica_lost');
  assert.equal(bench.attempts.length, 1);
});

test('a folded answer is begun again even after events, and none of the lost attempt is passed on', async () => {
  const bench = openBench(TWO);
  const events = await collect(
    bench.ask(
      (request, call) => giving(call.replica?.id === 'a' ? [delta('half'), LOST] : [delta('whole'), FINISHED])(request, call),
      callWith({ isFolded: true }),
    ),
  );
  assert.deepEqual(events, [delta('whole'), FINISHED]);
});

test('a folded answer that fails passes on its failure alone', async () => {
  const bench = openBench(TWO);
  const failed: InferenceEvent = { type: 'failed', error: { code: 'engine_failed', message: 'no' } };
  assert.deepEqual(await collect(bench.ask(giving([delta('half'), failed]), callWith({ isFolded: true }))), [failed]);
});

test('a next stage that throws ends the stream and gives the seat back', async () => {
  const bench = openBench([routedReplica({ slots: 1 })], { queueLength: 0 });
  const broken: NextStage = () => {
    throw new Error('broken');
  };
  assert.equal(errorOf(await collect(bench.ask(broken))), 'internal_error');
  assert.deepEqual(await collect(bench.ask(giving([FINISHED]))), [FINISHED]);
});

test('a stream that ends without a terminal event fails', async () => {
  const bench = openBench(TWO);
  assert.equal(errorOf(await collect(bench.ask(giving([delta('half')])))), 'replica_lost');
});

test('an attempt that throws ends the stream with an internal error that says nothing of it', async () => {
  const bench = openBench(TWO);
  const events = await collect(
    bench.ask(async function* () {
      yield delta('x');
      throw new Error('secret detail');
    }),
  );
  assert.equal(errorOf(events), 'internal_error');
  assert.ok(!JSON.stringify(events).includes('secret'));
});

test('each attempt is told the time that is left, and none starts after the deadline', async () => {
  let nowMs = 1000;
  const snapshots = new FakeSnapshots([routedModel({ replicas: TWO })]);
  const balance = createBalance({ snapshots, reachability: ALWAYS_REACHABLE, random: () => 0, now: () => nowMs });
  const timesLeft: number[] = [];
  const events = await collect(
    balance.stage(generateRequest(), callWith({ deadlineMs: 2000 }), (request) => {
      timesLeft.push(request.timeLeftMs);
      nowMs += 600;
      return giving([LOST])(request, callWith());
    }),
  );
  assert.deepEqual(timesLeft, [1000, 400]);
  assert.equal(errorOf(events), 'deadline_exceeded');
});

test('the deadline ends a stream whose replica says nothing, and leaves the attempt', async () => {
  const bench = openBench(TWO);
  let hasLeft = false;
  const silent: NextStage = () => ({
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise(() => undefined),
      return: () => {
        hasLeft = true;
        return Promise.resolve({ done: true, value: undefined });
      },
    }),
  });
  const events = await collect(bench.ask(silent, callWith({ deadlineMs: performance.now() + 20 })));
  assert.equal(errorOf(events), 'deadline_exceeded');
  assert.equal(hasLeft, true);
});

test('a caller that goes away ends its stream as cancelled', async () => {
  const abort = new AbortController();
  const bench = openBench(TWO);
  const events = bench.ask(giving([delta('x')], 'hangs'), callWith({ signal: abort.signal }));
  await events.next();
  const next = events.next();
  abort.abort();
  assert.equal(errorOf([(await next).value]), 'cancelled');
  assert.equal((await events.next()).done, true);
});

test('requests beyond slots and queue are refused with a time to come back, and leave room when they end', async () => {
  const bench = openBench([routedReplica({ id: 'a', slots: 2 })], { queueLength: 1 });
  const held = [1, 2, 3].map(() => bench.ask(giving([delta('x')], 'hangs')));
  await Promise.all(held.map((events) => events.next()));
  const refused = await collect(bench.ask(giving([FINISHED])));
  const [failed] = refused;
  assert.ok(failed?.type === 'failed' && failed.error.code === 'queue_full' && (failed.error.retryAfterMs ?? 0) >= 1000);
  await held[0]?.return?.();
  assert.deepEqual(await collect(bench.ask(giving([FINISHED]))), [FINISHED]);
});

test('a copy takes a seat that nobody else wants and gives it up the moment a caller does', async () => {
  const bench = openBench([routedReplica({ slots: 2 })], { queueLength: 0 });
  const hangs = giving([delta('…')], 'hangs');
  const copy = bench.ask(hangs, callWith({ origin: 'shadow' }));
  const [first, second] = [bench.ask(hangs), bench.ask(hangs)];
  await copy.next();
  await first.next();
  assert.equal((await second.next()).value?.type, 'text-delta');
  assert.equal(errorOf(await collect(copy)), 'queue_full');
  assert.equal(errorOf(await collect(bench.ask(hangs))), 'queue_full');
  assert.equal(errorOf(await collect(bench.ask(hangs, callWith({ origin: 'shadow' })))), 'queue_full');
  await first.return?.();
  const later = bench.ask(hangs, callWith({ origin: 'shadow' }));
  assert.equal((await later.next()).value?.type, 'text-delta');
  await later.return?.();
  assert.equal((await bench.ask(hangs).next()).value?.type, 'text-delta');
});

test('a request that waits too long for a replica is told why there is none', async () => {
  const bench = openBench([], { queueTimeoutMs: 10, failure: 'Loading failed: the file is damaged.' });
  const [event] = await collect(bench.ask(giving([FINISHED])));
  assert.ok(event?.type === 'failed');
  assert.equal(event.error.code, 'model_not_ready');
  assert.match(event.error.message, /the file is damaged/);
});

test('a request for a model that is held is refused at once, and so are those that wait when it comes to be held', async () => {
  const failure = 'Loading failed: the file is damaged.';
  const bench = openBench([]);
  const asked = collect(bench.ask(giving([FINISHED])));
  await turn();
  bench.snapshots.set([routedModel({ replicas: [], failure, isHeld: true })]);
  assert.equal(errorOf(await asked), 'model_not_ready');
  assert.equal(errorOf(await collect(bench.ask(giving([FINISHED])))), 'model_not_ready');
  assert.deepEqual(bench.attempts, []);
});

test('a request that waits while its model is taken away is told so', async () => {
  const bench = openBench([]);
  const asked = collect(bench.ask(giving([FINISHED])));
  await turn();
  bench.snapshots.set([]);
  assert.equal(errorOf(await asked), 'model_not_found');
});

test('a ready replica that cannot be reached yet is waited for', async () => {
  let isReachable = false;
  let announce = (): void => undefined;
  const reachability = {
    isReachable: () => isReachable,
    onReachable: (listener: () => void) => {
      announce = listener;
      return () => undefined;
    },
  };
  const balance = createBalance({ snapshots: new FakeSnapshots([routedModel()]), reachability });
  const asked = collect(balance.stage(generateRequest(), callWith(), giving([FINISHED])));
  await turn();
  isReachable = true;
  announce();
  assert.deepEqual(await asked, [FINISHED]);
});

test('ending everything gives each request under way the same failure, also those that wait', async () => {
  const bench = openBench(TWO);
  const running = collect(bench.ask(giving([delta('x')], 'hangs')));
  await turn();
  bench.snapshots.set([routedModel({ replicas: [] })]);
  const waiting = collect(bench.ask(giving([FINISHED])));
  await turn();
  bench.balance.failAll({ code: 'draining', message: 'bye' });
  assert.deepEqual((await Promise.all([running, waiting])).map(errorOf), ['draining', 'draining']);
});

test('requests go to the replica with the least work', async () => {
  const bench = openBench([routedReplica({ id: 'a', slots: 4 }), routedReplica({ id: 'b', slots: 4 })]);
  const held = Array.from({ length: 6 }, () => bench.ask(giving([delta('x')], 'hangs')));
  for (const events of held) await events.next();
  const onA = bench.attempts.filter((attempt) => attempt.replica === 'a').length;
  assert.equal(onA, 3);
});

test('only a request for this very version still reaches a replica that has begun to leave', async () => {
  const bench = openBench([routedReplica({ state: 'draining' })], { failure: 'It is being unloaded.', isHeld: true });
  assert.equal(errorOf(await collect(bench.ask(giving([FINISHED])))), 'model_not_ready');
  assert.equal(errorOf(await collect(bench.ask(giving([FINISHED]), callWith(), '1'))), undefined);
  assert.deepEqual(
    bench.attempts.map(({ replica }) => replica),
    ['r1'],
  );
});
