import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ErrorCode } from '../../core/errors/index.ts';
import type { InferenceEvent, InferenceRequest } from '../../core/inference/index.ts';
import type { EvidenceSink, Observation } from '../../core/messages/index.ts';
import { createMetrics } from '../../core/telemetry/index.ts';
import { generateRequest, modelTraffic, routedModel } from '../fake-snapshots.ts';
import type { RequestRecord, StageCall } from '../stage.ts';
import { createGatherEvidence } from './gather-evidence.ts';
import { createObserve } from './observe.ts';
import { StatisticsBook } from './statistics-book.ts';

const usage: InferenceEvent = { type: 'usage-report', usage: { promptTokens: 5, cachedTokens: 0, completionTokens: 3 } };
const finished: InferenceEvent = { type: 'finished', timings: { queueMs: 1, prefillMs: 2, decodeMs: 8 } };
const said = (text: string, choice = 0): InferenceEvent => ({ type: 'text-delta', choice, text });
const failed = (code: ErrorCode): InferenceEvent => ({ type: 'failed', error: { code, message: 'no' } });

interface Setting {
  readonly call?: Partial<StageCall>;
  readonly record?: Partial<RequestRecord>;
  readonly request?: InferenceRequest;
  readonly events?: readonly InferenceEvent[];
  readonly random?: number;
  /** The reader leaves after so many events. */
  readonly leaveAfter?: number;
  readonly sink?: Partial<EvidenceSink>;
}

async function run(setting: Setting) {
  const { call, record, request = generateRequest(), events = [said('Hi'), usage, finished], random = 0.5 } = setting;
  const observations: Observation[] = [];
  const captures: InferenceRequest[] = [];
  const sink: EvidenceSink = {
    observe: (observation) => observations.push(observation),
    compare: () => undefined,
    capture: (kept) => captures.push(kept),
    feedback: () => Promise.resolve(),
    ...setting.sink,
  };
  const defects: unknown[] = [];
  const metrics = createMetrics();
  const gather = createGatherEvidence({
    sink,
    random: () => random,
    clock: () => 1_700_000_000_000,
    onDefect: (thrown) => defects.push(thrown),
  });
  const stage = createObserve({ metrics, statistics: new StatisticsBook(), gather });
  const full: StageCall = {
    requestId: 'r',
    principal: { keyId: 'k', role: 'inference' },
    signal: new AbortController().signal,
    deadlineMs: 1e12,
    record: { startedMs: performance.now(), deltas: 0, ...record },
    isFolded: true,
    model: routedModel({ version: '2' }),
    route: { model: 'echo', version: '2', by: 'rollout', arm: 'candidate', purpose: { kind: 'rollout', id: 'ro' }, unit: 'u' },
    traffic: modelTraffic({ isObserved: true }),
    hasSiblings: true,
    ...call,
  };
  const types: string[] = [];
  for await (const { type } of stage(request, full, () => play(events))) {
    types.push(type);
    if (types.length === setting.leaveAfter) break;
  }
  return { observations, captures, metrics, defects, types };
}

async function* play(events: readonly InferenceEvent[]): AsyncGenerator<InferenceEvent> {
  yield* events;
}

test('one observation tells who answered, how it ended and how long it took', async () => {
  const { observations } = await run({});
  const [{ totalMs, ...observation } = assert.fail('no observation')] = observations;
  assert.ok(totalMs >= 0);
  assert.deepEqual(observation, {
    requestId: 'r',
    keyId: 'k',
    model: 'echo',
    version: '2',
    arm: 'candidate',
    purpose: { kind: 'rollout', id: 'ro' },
    unit: 'u',
    at: 1_700_000_000_000,
    outcome: 'ok',
    firstTokenMs: 3,
    gapMs: 4,
    promptTokens: 5,
    completionTokens: 3,
    isRefusal: false,
  });
  assert.equal(observations.length, 1);
});

test('a version that was not chosen by its share is an arm of its own and counts for no rollout', async () => {
  const traffic = modelTraffic({ isObserved: true, purpose: { kind: 'rollout', id: 'ro' } });
  const { observations } = await run({ call: { traffic, route: { model: 'echo', version: '2', by: 'request' } } });
  assert.deepEqual([observations[0]?.arm, observations[0]?.unit], ['v2', 'r']);
  assert.deepEqual(observations[0]?.purpose, { kind: 'weights', id: 'echo' });
});

const endings: ReadonlyArray<readonly [failure: ErrorCode, outcome: string]> = [
  ['engine_failed', 'failed'],
  ['replica_lost', 'failed'],
  ['internal_error', 'failed'],
  ['model_unavailable', 'failed'],
  ['deadline_exceeded', 'timeout'],
  ['queue_timeout', 'timeout'],
  ['queue_full', 'refused'],
  ['model_not_ready', 'refused'],
  ['draining', 'refused'],
  ['invalid_request', 'refused'],
  ['context_length_exceeded', 'refused'],
  ['cancelled', 'cancelled'],
];

for (const [failure, outcome] of endings) {
  test(`a request that ends with ${failure} is ${outcome}`, async () => {
    const { observations } = await run({ events: [failed(failure)] });
    assert.deepEqual([observations[0]?.outcome, observations[0]?.failure], [outcome, failure]);
  });
}

test('a request that took a replica down has failed, also when another replica answers it', async () => {
  const { observations } = await run({ record: { losses: 1 } });
  assert.deepEqual([observations[0]?.outcome, observations[0]?.failure], ['failed', 'replica_lost']);
});

test('a caller that leaves has cancelled', async () => {
  const { observations } = await run({ leaveAfter: 1 });
  assert.deepEqual([observations.length, observations[0]?.outcome], [1, 'cancelled']);
});

test('an answer out of the cache says nothing of its version', async () => {
  assert.deepEqual((await run({ record: { cache: 'hit' } })).observations, []);
  assert.equal((await run({ record: { cache: 'miss' } })).observations.length, 1);
});

test('who looks at an answer and breaks fails nobody', async () => {
  const observe = (): never => {
    throw new Error('full');
  };
  const given = await run({ sink: { observe } });
  assert.deepEqual(given.types, ['text-delta', 'usage-report', 'finished']);
  assert.equal(given.defects.length, 1);
  const values = new Uint8Array(5);
  const torn = { type: 'tensor', response: 0, tensor: { name: 'y', datatype: 'FP32', shape: [2], data: values } } as const;
  const request: InferenceRequest = { kind: 'embed', id: 'r', model: 'echo', inputs: [], timeLeftMs: 1 };
  assert.equal((await run({ request, events: [torn, finished] })).types.at(-1), 'finished');
});

test('a refusal shows in the beginning of the first choice', async () => {
  const refusal = [said("I'm sorry, but I"), said('I am well', 1), said(" can't help with that."), usage, finished];
  assert.equal((await run({ events: refusal })).observations[0]?.isRefusal, true);
  assert.equal(
    (await run({ events: [said('Hi'), said("I can't help with that.", 1), finished] })).observations[0]?.isRefusal,
    false,
  );
});

test('vectors are told by their looks, without a word of refusals', async () => {
  const values = new Uint8Array(Float32Array.from([0.5, Number.NaN]).buffer);
  const request: InferenceRequest = { kind: 'embed', id: 'r', model: 'echo', inputs: [], timeLeftMs: 1 };
  const { observations } = await run({ request, events: [{ type: 'embedding', index: 0, values }, finished] });
  assert.deepEqual(observations[0]?.output, { isBroken: true, isConstant: false, classes: [] });
  assert.equal(observations[0]?.isRefusal, undefined);
});

const unobserved: ReadonlyArray<readonly [string, Partial<StageCall>]> = [
  ['a copy', { origin: 'shadow' }],
  ['a request from inside', { origin: 'inside' }],
  ['a model that nobody compares', { traffic: modelTraffic() }],
];

for (const [what, call] of unobserved) {
  test(`${what} is not observed`, async () => assert.deepEqual((await run({ call })).observations, []));
}

const capturing = (consent: 'header' | 'all', share = 1) => modelTraffic({ capture: { share, consent } });
const consents: ReadonlyArray<readonly [what: string, Setting, isKept: boolean]> = [
  ['with consent', { call: { traffic: capturing('header'), headers: { 'x-plinth-consent': 'Capture' } } }, true],
  [
    'with consent among other words',
    { call: { traffic: capturing('header'), headers: { 'x-plinth-consent': ['a, capture'] } } },
    true,
  ],
  ['without consent', { call: { traffic: capturing('header'), headers: {} } }, false],
  ['where all are kept', { call: { traffic: capturing('all') } }, true],
  [
    'where all are kept but this one says none',
    { call: { traffic: capturing('all'), headers: { 'x-plinth-consent': 'none' } } },
    false,
  ],
  ['that chance does not choose', { call: { traffic: capturing('all', 0.5) } }, false],
  ['that was refused', { call: { traffic: capturing('all') }, events: [failed('queue_full')] }, false],
  ['that failed', { call: { traffic: capturing('all') }, events: [failed('engine_failed')] }, true],
  ['that is a copy', { call: { traffic: capturing('all'), origin: 'shadow' } }, false],
];

for (const [what, setting, isKept] of consents) {
  test(`a request ${what} is ${isKept ? 'kept' : 'not kept'}`, async () => {
    const { captures, observations } = await run(setting);
    assert.deepEqual([captures.length, observations.length], [isKept ? 1 : 0, 0]);
  });
}

test('versions have metrics of their own where there are several, copies count for none', async () => {
  const { metrics } = await run({});
  const text = await metrics.registry.metrics();
  assert.match(text, /plinth_version_requests_total\{model="echo",version="2",arm="candidate",outcome="ok"\} 1/);
  assert.match(text, /plinth_version_tokens_total\{model="echo",version="2",kind="completion"\} 3/);
  const copied = await (await run({ call: { origin: 'shadow' } })).metrics.registry.metrics();
  assert.doesNotMatch(copied, /plinth_(?:version_requests_total|tokens_total|requests_in_work)\{/);
});
