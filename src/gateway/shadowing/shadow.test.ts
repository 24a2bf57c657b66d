import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { InferenceEvent, InferenceRequest } from '../../core/inference/index.ts';
import type { EvidenceSink, ShadowComparison } from '../../core/messages/index.ts';
import type { ShadowOrder } from '../../core/traffic/index.ts';
import { generateRequest, modelTraffic, routedModel } from '../fake-snapshots.ts';
import type { NextStage, StageCall } from '../stage.ts';
import { createShadow, type ShadowOptions } from './shadow.ts';

const usage: InferenceEvent = { type: 'usage-report', usage: { promptTokens: 1, cachedTokens: 0, completionTokens: 3 } };
const finished: InferenceEvent = { type: 'finished', timings: { queueMs: 1, prefillMs: 2, decodeMs: 8 } };
const said = (text: string): InferenceEvent => ({ type: 'text-delta', choice: 0, text });
const broken: InferenceEvent = { type: 'failed', error: { code: 'engine_failed', message: 'no' } };
const busy: InferenceEvent = { type: 'failed', error: { code: 'queue_full', message: 'no' } };

const ORDER: ShadowOrder = {
  to: '2',
  share: 1,
  mostConcurrent: 1,
  mostPerMinute: 100,
  reference: 'rerun',
  purpose: { kind: 'rollout', id: 'ro-1' },
};

interface Asked {
  readonly request: InferenceRequest;
  readonly call: StageCall;
}

async function* play(events: readonly InferenceEvent[]): AsyncGenerator<InferenceEvent> {
  for (const event of events) {
    await turn();
    yield event;
  }
}

interface Setting {
  readonly order?: Partial<ShadowOrder>;
  readonly call?: Partial<StageCall>;
  readonly options?: Partial<ShadowOptions>;
  /** What the caller gets. */
  readonly answer?: readonly InferenceEvent[];
  /** What a version says to copies. */
  readonly copies?: (version: string | undefined) => AsyncIterable<InferenceEvent>;
}

function setUp({ order, call, options, answer = [said('hi'), usage, finished], copies }: Setting = {}) {
  const asked: Asked[] = [];
  const comparisons: ShadowComparison[] = [];
  const outcomes: string[] = [];
  const evidence: EvidenceSink = {
    observe: () => undefined,
    compare: (comparison) => comparisons.push(comparison),
    capture: () => undefined,
    feedback: () => Promise.resolve(),
  };
  const path: NextStage = (request, given) => {
    asked.push({ request, call: given });
    return copies?.(request.version) ?? play([said(`v${request.version}`), usage, finished]);
  };
  const shadow = createShadow({
    path: () => path,
    evidence,
    looksOf: () => ({ isRefusal: false }),
    onOutcome: ({ outcome }) => outcomes.push(outcome),
    random: () => 0.5,
    now: () => 10,
    ...options,
  });
  const full: StageCall = {
    requestId: 'r',
    principal: { keyId: 'k', role: 'inference' },
    signal: new AbortController().signal,
    deadlineMs: 1e12,
    record: { startedMs: 0, deltas: 0 },
    model: routedModel({ version: '1' }),
    traffic: modelTraffic({ shadow: { ...ORDER, ...order } }),
    ...call,
  };
  const run = (request: InferenceRequest = generateRequest()) => shadow.stage(request, full, () => play(answer));
  return { shadow, full, asked, comparisons, outcomes, run };
}

async function gather(events: AsyncIterable<InferenceEvent>): Promise<readonly InferenceEvent[]> {
  const all: InferenceEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

async function until(isDone: () => boolean): Promise<void> {
  for (let turns = 0; turns < 1000 && !isDone(); turns++) await turn();
  assert.ok(isDone());
}

test('the candidate and then the version that answered are asked after the caller has its answer, and all three are compared', async () => {
  const given = setUp();
  const iterator = given.run()[Symbol.asyncIterator]();
  for (let count = 0; count < 3; count++) await iterator.next();
  assert.equal(given.asked.length, 0);
  await until(() => given.comparisons.length === 1);
  const [comparison] = given.comparisons;
  assert.deepEqual(
    given.asked.map(({ request, call }) => [request.model, request.version, call.origin, call.isFolded]),
    [
      ['echo', '2', 'shadow', true],
      ['echo', '1', 'shadow', true],
    ],
  );
  assert.deepEqual(comparison?.current, {
    version: '1',
    outcome: 'ok',
    totalMs: 10,
    firstTokenMs: 3,
    gapMs: 4,
    isRefusal: false,
    events: [said('hi'), usage, finished],
  });
  assert.deepEqual(comparison?.candidate.events, [said('v2'), usage, finished]);
  assert.deepEqual(comparison?.reference?.events, [said('v1'), usage, finished]);
  assert.deepEqual([comparison?.requestId, comparison?.purpose, comparison?.candidate.outcome], ['r', ORDER.purpose, 'ok']);
  assert.deepEqual(given.outcomes, ['compared']);
});

test('the second answer of the same version is drawn anew, the candidate gets the very request', async () => {
  const given = setUp();
  await gather(given.run());
  await until(() => given.asked.length === 2);
  const samplings = given.asked.map(({ request }) =>
    request.kind === 'generate' ? request.sampling : assert.fail('another kind'),
  );
  assert.deepEqual([samplings[0]?.temperature, samplings[1]?.temperature, samplings[1]?.seed], [0, 0.7, 2 ** 31]);
});

test('without a reference the version that answered is not asked again', async () => {
  const given = setUp({ order: { reference: 'none' } });
  await gather(given.run());
  await until(() => given.comparisons.length === 1);
  assert.equal(given.asked.length, 1);
  assert.equal(given.comparisons[0]?.reference, undefined);
});

test('a candidate that fails is compared, with what failed', async () => {
  const given = setUp({ order: { reference: 'none' }, copies: () => play([said('x'), broken]) });
  await gather(given.run());
  await until(() => given.comparisons.length === 1);
  assert.equal(given.comparisons[0]?.candidate.outcome, 'failed');
  assert.equal(given.comparisons[0]?.candidate.failure, 'engine_failed');
  await until(() => given.outcomes.length === 1);
  assert.deepEqual(given.outcomes, ['failed']);
});

test('a candidate that is busy or not there says nothing of itself', async () => {
  const given = setUp({ copies: () => play([busy]) });
  await gather(given.run());
  await until(() => given.outcomes.length === 1);
  assert.deepEqual([given.outcomes, given.comparisons.length, given.asked.length], [['refused'], 0, 1]);
});

test('a second answer that fails leaves the comparison without one', async () => {
  const given = setUp({ copies: (version) => play(version === '2' ? [said('x'), usage, finished] : [busy]) });
  await gather(given.run());
  await until(() => given.comparisons.length === 1);
  assert.equal(given.comparisons[0]?.reference, undefined);
});

const untouched: ReadonlyArray<readonly [what: string, Setting, InferenceRequest?]> = [
  ['one of a model without such an order', { call: { traffic: modelTraffic() } }],
  ['one that the candidate itself answers', { order: { to: '1' } }],
  ['a copy', { call: { origin: 'shadow' } }],
  ['one from inside', { call: { origin: 'inside' } }],
  ['one that chance does not choose', { order: { share: 0.5 } }],
];

for (const [what, setting, request] of untouched) {
  test(`a request is passed on as it is: ${what}`, async () => {
    const given = setUp(setting);
    const events = play([]);
    assert.equal(
      given.shadow.stage(request ?? generateRequest(), given.full, () => events),
      events,
    );
    await turn();
    assert.deepEqual([given.outcomes, given.asked], [[], []]);
  });
}

const dropped: ReadonlyArray<readonly [what: string, outcome: string, Setting]> = [
  ['an answer that failed', 'unfit', { answer: [broken] }],
  ['an answer from the cache', 'unfit', { call: { record: { startedMs: 0, deltas: 0, cache: 'hit' } } }],
  ['a large answer', 'too_large', { answer: [said('x'.repeat(500)), finished], options: { mostBytes: 400 } }],
  ['an answer beyond the budget of the minute', 'over_budget', { order: { mostPerMinute: 0 } }],
];

for (const [what, outcome, setting] of dropped) {
  test(`${what} is not copied, and counted`, async () => {
    const given = setUp(setting);
    assert.ok((await gather(given.run())).length > 0);
    await turn();
    assert.deepEqual([given.outcomes, given.asked], [[outcome], []]);
  });
}

test('a candidate that says too much is not compared', async () => {
  const given = setUp({ options: { mostBytes: 400 }, copies: () => play([said('x'.repeat(500)), finished]) });
  await gather(given.run());
  await until(() => given.outcomes.length === 1);
  assert.deepEqual([given.outcomes, given.comparisons], [['too_large'], []]);
});

test('a request of a sequence is not copied', async () => {
  const given = setUp();
  const sequence = { id: '1', idType: 'number', isStart: true, isEnd: false } as const;
  await gather(given.run({ kind: 'tensors', id: 'r', model: 'echo', timeLeftMs: 1, inputs: [], parameters: {}, sequence }));
  await turn();
  assert.deepEqual([given.outcomes, given.asked], [['unfit'], []]);
});

test('while one copy runs the next is dropped, and closing ends the one that runs', async () => {
  const hang = (): AsyncIterable<InferenceEvent> => ({
    [Symbol.asyncIterator]: () => ({
      next: () =>
        new Promise((resolve) => {
          const signal = given.asked.at(-1)?.call.signal;
          signal?.addEventListener('abort', () =>
            resolve({ done: false, value: { ...busy, error: { code: 'cancelled', message: '' } } }),
          );
        }),
    }),
  });
  const given = setUp({ copies: hang });
  await gather(given.run());
  await until(() => given.asked.length === 1);
  await gather(given.run());
  assert.deepEqual(given.outcomes, ['over_budget']);
  given.shadow.close();
  await until(() => given.outcomes.length === 2);
  assert.deepEqual([given.outcomes[1], given.comparisons], ['aborted', []]);
  await gather(given.run());
  assert.equal(given.outcomes.length, 2);
});

test('a caller that leaves in the middle is not copied, and its room is free again', async () => {
  const given = setUp();
  for (let count = 0; count < 40; count++) {
    const iterator = given.run()[Symbol.asyncIterator]();
    await iterator.next();
    await iterator.return?.();
  }
  assert.deepEqual([...new Set(given.outcomes)], ['unfit']);
  assert.equal(given.asked.length, 0);
});

test('a version that is no arm is nothing to compare the candidate with', async () => {
  const arms = [
    { name: 'current', version: '1', weight: 100 },
    { name: 'candidate', version: '2', weight: 0 },
  ];
  const outcomesOf = async (version: string): Promise<readonly string[]> => {
    const given = setUp({ call: { model: routedModel({ version }), traffic: modelTraffic({ arms, shadow: ORDER }) } });
    await gather(given.run());
    for (let turns = 0; turns < 20; turns++) await turn();
    return given.outcomes;
  };
  assert.deepEqual(await outcomesOf('1'), ['compared']);
  assert.deepEqual(await outcomesOf('3'), []);
});

test('a version that refuses by throwing takes no room among the answers that are collected', async () => {
  const given = setUp();
  const refuse = (): never => {
    throw new Error('no');
  };
  for (let count = 0; count < 100; count++) assert.throws(() => given.shadow.stage(generateRequest(), given.full, refuse));
  assert.deepEqual(given.outcomes, []);
  await gather(given.run());
  await until(() => given.outcomes.length > 0);
  assert.deepEqual(given.outcomes, ['compared']);
});

test('vectors are kept with bytes of their own, not with the frame that they came in', async () => {
  const frame = new Uint8Array(1_000_000);
  const embedding: InferenceEvent = { type: 'embedding', index: 0, values: frame.subarray(8, 16) };
  const given = setUp({ answer: [embedding, finished] });
  await gather(given.run({ kind: 'embed', id: 'r', model: 'echo', inputs: [], timeLeftMs: 1 }));
  await until(() => given.comparisons.length === 1);
  const [kept] = given.comparisons[0]?.current.events ?? [];
  assert.ok(kept?.type === 'embedding' && kept.values.buffer.byteLength === 8);
});
