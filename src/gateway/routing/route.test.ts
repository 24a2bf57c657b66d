import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InferenceRequest } from '../../core/inference/index.ts';
import type { RoutedModel } from '../../core/messages/index.ts';
import type { ModelTraffic, RouteChoice } from '../../core/traffic/index.ts';
import { FakeSnapshots, generateRequest, modelTraffic, routedModel, routedReplica } from '../fake-snapshots.ts';
import type { StageCall } from '../stage.ts';
import { createRoute } from './route.ts';
import { createRouter } from './router.ts';

const versions = (...all: readonly string[]): RoutedModel[] => all.map((version) => routedModel({ version }));

/** Requests are dealt anew each time, so that choosing twice shows. */
const dealt = (fields: Partial<ModelTraffic> = {}): ModelTraffic =>
  modelTraffic({
    arms: [
      { name: 'current', version: '3', weight: 1 },
      { name: 'candidate', version: '4', weight: 1 },
    ],
    purpose: { kind: 'rollout', id: 'r1' },
    sticky: { by: 'request' },
    ...fields,
  });

function callOf(fields: Partial<StageCall> = {}): StageCall {
  return {
    requestId: 'req-1',
    principal: { keyId: 'key-1', role: 'inference' },
    signal: new AbortController().signal,
    deadlineMs: Number.POSITIVE_INFINITY,
    record: { startedMs: 0, deltas: 0 },
    ...fields,
  };
}

function routed(snapshots: FakeSnapshots, call: StageCall, request: Partial<InferenceRequest> = {}) {
  let seen: { request: InferenceRequest; call: StageCall } | undefined;
  createRoute(snapshots)(generateRequest(request as object), call, (passedOn, passedCall) => {
    seen = { request: passedOn, call: passedCall };
    return (async function* () {})();
  });
  assert.ok(seen);
  return seen;
}

const WISH = { name: 'echo', kind: 'generate' } as const;

test('the choice of a protocol is the one that the request goes by, also after copies of the call', () => {
  const snapshots = new FakeSnapshots(versions('3', '4'), [dealt()]);
  for (let round = 0; round < 50; round += 1) {
    const told: RouteChoice[] = [];
    const call = callOf({ onRouted: (choice) => told.push(choice) });
    const { model, choice } = createRouter(snapshots).choose(WISH, call);
    const seen = routed(snapshots, { ...call, isFolded: true });
    assert.equal(seen.call.model, model);
    assert.equal(seen.call.route, choice);
    assert.equal(seen.request.version, model.version);
    assert.deepEqual(told, [choice]);
    assert.deepEqual(call.record.routes, [choice]);
    assert.equal(call.record.version, model.version);
    assert.equal(call.record.arm, choice.arm);
    assert.equal(seen.call.traffic?.purpose.id, 'r1');
  }
});

test('a request that names the chosen version itself keeps its arm', () => {
  const snapshots = new FakeSnapshots(versions('3', '4'), [dealt()]);
  const call = callOf();
  const { model, choice } = createRouter(snapshots).choose(WISH, call);
  assert.equal(routed(snapshots, call, { version: model.version }).call.route, choice);
});

test('a request without an earlier choice is routed and tells of it', () => {
  const snapshots = new FakeSnapshots(versions('3', '4'), [modelTraffic({ aliases: { stable: '3' } })]);
  const told: string[] = [];
  const call = callOf({ onRouted: ({ version, by }) => told.push(`${version} ${by}`) });
  const seen = routed(snapshots, call, { model: 'echo@stable' });
  assert.deepEqual(told, ['3 alias']);
  assert.equal(seen.request.model, 'echo');
  assert.equal(seen.request.version, '3');
  assert.equal(call.record.model, 'echo');
});

test('two requests of one call for different models are routed each by its own name', () => {
  const models = [...versions('3'), routedModel({ name: 'other', version: '9' })];
  const snapshots = new FakeSnapshots(models);
  const call = callOf();
  createRouter(snapshots).choose(WISH, call);
  assert.equal(routed(snapshots, call, { model: 'other' }).call.model?.name, 'other');
  assert.equal(routed(snapshots, call).call.model?.name, 'echo');
});

test('a chosen version that has gone since is chosen anew', () => {
  const snapshots = new FakeSnapshots(versions('3', '4'));
  const call = callOf();
  assert.equal(createRouter(snapshots).choose(WISH, call).model.version, '4');
  snapshots.set(versions('3'));
  assert.equal(routed(snapshots, call).call.model?.version, '3');
});

test('a chosen version is passed on as the newest snapshot has it', () => {
  const snapshots = new FakeSnapshots(versions('3'));
  const call = callOf();
  createRouter(snapshots).choose(WISH, call);
  const [newer = routedModel()] = versions('3');
  snapshots.set([newer, ...versions('4')]);
  assert.equal(routed(snapshots, call).call.model, newer);
});

test('copies and requests from inside have no arm and no traffic', () => {
  const snapshots = new FakeSnapshots(versions('3', '4'), [dealt()]);
  for (const origin of ['shadow', 'inside'] as const) {
    const seen = routed(snapshots, callOf({ origin }), { version: '4' });
    assert.equal(seen.call.model?.version, '4');
    assert.deepEqual(seen.call.route, { model: 'echo', version: '4', by: 'request' });
    assert.equal(seen.call.traffic, undefined);
  }
});

test('a step of an ensemble is routed by its own name and tells the caller nothing', () => {
  const models = [...versions('3', '4'), routedModel({ name: 'step', version: '9' })];
  const snapshots = new FakeSnapshots(models, [dealt()]);
  const outer = routed(snapshots, callOf());
  const told: RouteChoice[] = [];
  const call = {
    ...outer.call,
    ensembles: ['echo'],
    record: { startedMs: 0, deltas: 0 },
    onRouted: (one: RouteChoice) => void told.push(one),
  };
  const seen = routed(snapshots, call, { model: 'step' });
  assert.equal(seen.call.model?.name, 'step');
  assert.equal(seen.call.traffic, undefined);
  assert.deepEqual(told, []);
});

test('a version that does not serve is not insisted on', () => {
  const snapshots = new FakeSnapshots([routedModel({ version: '3', replicas: [routedReplica({ state: 'draining' })] })]);
  assert.equal(routed(snapshots, callOf()).request.version, undefined);
  assert.equal(routed(snapshots, callOf(), { version: '3' }).request.version, '3');
});

const chat = (content: string, system = 'be kind'): Partial<InferenceRequest> => ({
  kind: 'generate',
  prompts: [
    {
      type: 'chat',
      messages: [
        { role: 'system', content: system },
        { role: 'user', content },
      ],
    },
  ],
});

const stickyCases: ReadonlyArray<
  readonly [what: string, sticky: ModelTraffic['sticky'], other: Partial<StageCall>, Partial<InferenceRequest>, isSame: boolean]
> = [
  ['the same caller', { by: 'caller' }, {}, chat('b'), true],
  ['another caller', { by: 'caller' }, { principal: { keyId: 'key-2', role: 'inference' } }, chat('a'), false],
  [
    'the same header of another caller',
    { by: 'header', header: 'X-Team' },
    { principal: { keyId: 'key-2', role: 'inference' } },
    chat('b'),
    true,
  ],
  ['another header', { by: 'header', header: 'x-team' }, { headers: { 'x-team': 'blue' } }, chat('a'), false],
  ['the same conversation', { by: 'conversation' }, {}, chat('a'), true],
  ['another first question', { by: 'conversation' }, {}, chat('b'), false],
  ['another system text', { by: 'conversation' }, {}, chat('a', 'be terse'), false],
  ['another request', { by: 'request' }, {}, chat('a'), false],
];

for (const [what, sticky, other, request, isSame] of stickyCases) {
  test(`sticky by ${sticky.by}: ${what} is ${isSame ? 'the same unit' : 'another unit'}`, () => {
    const snapshots = new FakeSnapshots(versions('3', '4'), [dealt({ sticky })]);
    const headers = { 'x-team': 'red' };
    const unit = (call: Partial<StageCall>, body: Partial<InferenceRequest>) =>
      routed(snapshots, callOf({ headers, ...call }), body).call.route?.unit;
    assert.equal(unit({}, chat('a')) === unit(other, request), isSame);
  });
}

test('a conversation is known by its header before its text, and by its caller when it has no text', () => {
  const snapshots = new FakeSnapshots(versions('3', '4'), [dealt({ sticky: { by: 'conversation' } })]);
  const unit = (call: Partial<StageCall>, body: Partial<InferenceRequest>) =>
    routed(snapshots, callOf(call), body).call.route?.unit;
  const headers = { 'x-conversation-id': 'c-1' };
  assert.equal(unit({ headers }, chat('a')), unit({ headers }, chat('b')));
  assert.notEqual(unit({ headers }, chat('a')), unit({}, chat('a')));
  assert.equal(unit({}, {}), unit({}, { kind: 'embed', inputs: [{ type: 'text', text: 'x' }] }));
});

test('later turns of a conversation keep its unit', () => {
  const snapshots = new FakeSnapshots(versions('3', '4'), [dealt({ sticky: { by: 'conversation' } })]);
  const first = chat('a');
  assert.ok(first.kind === 'generate' && first.prompts?.[0]?.type === 'chat');
  const { messages } = first.prompts[0];
  const longer = [...messages, { role: 'assistant', content: 'yes' }, { role: 'user', content: 'and?' }] as const;
  const later: Partial<InferenceRequest> = { kind: 'generate', prompts: [{ type: 'chat', messages: longer }] };
  const unit = (body: Partial<InferenceRequest>) => routed(snapshots, callOf(), body).call.route?.unit;
  assert.equal(unit(later), unit(first));
});
