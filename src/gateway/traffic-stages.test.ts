import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { PlinthError } from '../core/errors/index.ts';
import type { InferenceEvent } from '../core/inference/index.ts';
import type { EvidenceSink, Feedback, Observation, RoutedModel, ShadowComparison } from '../core/messages/index.ts';
import type { ShadowOrder } from '../core/traffic/index.ts';
import { generateRequest, modelTraffic, routedModel, routedReplica } from './fake-snapshots.ts';
import { answerWith, startFakeWorker, type FakeScript, type FakeWorker } from './fake-worker.ts';
import { errorCode, GOOD_KEY, openGateway } from './gateway-under-test.ts';

const refuseAll: FakeScript = ({ send }) => send({ type: 'failed', error: { code: 'engine_failed', message: 'no' } });

interface OtherVersion {
  readonly worker: FakeWorker;
  readonly model: RoutedModel;
}

async function openVersion(context: TestContext, version: string, script: FakeScript): Promise<OtherVersion> {
  const worker = await startFakeWorker(script);
  context.after(() => worker.close());
  const replicas = [routedReplica({ id: `r${version}`, socketPath: worker.socketPath, slots: 8 })];
  return { worker, model: routedModel({ version, replicas }) };
}

/** Evidence as it comes in. */
class Notes implements EvidenceSink {
  readonly observations: Observation[] = [];
  readonly opinions: Feedback[] = [];
  readonly compared = Promise.withResolvers<ShadowComparison>();

  observe(observation: Observation): void {
    this.observations.push(observation);
  }

  compare(comparison: ShadowComparison): void {
    this.compared.resolve(comparison);
  }

  capture(): void {
    assert.fail('nobody asked for captures');
  }

  feedback(feedback: Feedback): Promise<void> {
    if (feedback.requestId === 'unknown') return Promise.reject(new PlinthError({ code: 'not_found', message: 'no' }));
    this.opinions.push(feedback);
    return Promise.resolve();
  }
}

async function gather(events: AsyncIterable<InferenceEvent>): Promise<readonly InferenceEvent[]> {
  const all: InferenceEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

const candidateArms = [
  { name: 'current', version: '1', weight: 0 },
  { name: 'candidate', version: '2', weight: 1 },
];
const purpose = { kind: 'rollout', id: 'ro' } as const;
const shadow: ShadowOrder = { to: '2', share: 1, mostConcurrent: 4, mostPerMinute: 1000, reference: 'rerun', purpose };

for (const isStream of [false, true]) {
  test(`a version that fails is replaced by its fallback, and the ${isStream ? 'stream' : 'answer'} says which version gave it`, async (context) => {
    const second = await openVersion(context, '2', refuseAll);
    const notes = new Notes();
    const traffic = [modelTraffic({ arms: candidateArms, purpose, fallback: ['1'], isObserved: true })];
    const { chat, metrics } = await openGateway(context, { others: [second.model], traffic, evidence: notes });
    const response = await chat({ stream: isStream });
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('x-plinth-version'), 'echo:1');
    assert.match(await response.text(), /Hello/);
    assert.deepEqual(
      notes.observations.map(({ version, arm, outcome, failure }) => [version, arm, outcome, failure]),
      [['2', 'candidate', 'failed', 'engine_failed']],
    );
    assert.match(await metrics.registry.metrics(), /plinth_fallbacks_total\{model="echo",reason="engine_failed"\} 1/);
  });
}

test('a version whose replica dies and does not come back is replaced without the wait of the queue', async (context) => {
  const second = await openVersion(context, '2', ({ die }) => die());
  const traffic = [modelTraffic({ arms: candidateArms, fallback: ['1'] })];
  const patient = { ...second.model, queueTimeoutMs: 3_600_000 };
  const { chat } = await openGateway(context, { others: [patient], traffic });
  await second.worker.close();
  const response = await chat();
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('x-plinth-version'), 'echo:1');
});

test('a replica that is lost before a fallback is in the receipt, and counts against the version that lost it', async (context) => {
  const second = await openVersion(context, '2', ({ die }) => die());
  const notes = new Notes();
  const traffic = [modelTraffic({ arms: candidateArms, purpose, fallback: ['1'], isObserved: true })];
  const { chat, gateway } = await openGateway(context, { others: [second.model], traffic, evidence: notes });
  const response = await chat({}, { headers: { 'x-request-id': 'asked' } });
  await response.text();
  assert.equal(response.headers.get('x-plinth-version'), 'echo:1');
  assert.deepEqual(
    notes.observations.map(({ version, outcome, failure }) => [version, outcome, failure]),
    [['2', 'failed', 'replica_lost']],
  );
  while (gateway.receipts.find('asked') === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
  const receipt = gateway.receipts.find('asked') as { readonly version: string; readonly lostReplicas: number };
  const lost = second.worker.received.filter(({ type }) => type === 'infer').length;
  assert.ok(lost > 0);
  assert.deepEqual([receipt.version, receipt.lostReplicas], ['1', lost]);
});

test('a caller that asks for a version gets its failure when no fallback answers either', async (context) => {
  const second = await openVersion(context, '2', refuseAll);
  const traffic = [modelTraffic({ fallback: ['@old'], aliases: { old: '1' } })];
  const { chat } = await openGateway(context, { script: refuseAll, others: [second.model], traffic });
  const response = await chat({ model: 'echo:2' });
  assert.equal(response.status, 500);
  assert.equal(await errorCode(response), 'engine_failed');
});

test('a copy goes to the candidate and once more to the version that answered, and the caller notices nothing', async (context) => {
  const second = await openVersion(context, '2', answerWith('Good', ' day'));
  const notes = new Notes();
  const traffic = [modelTraffic({ arms: [{ name: 'current', version: '1', weight: 1 }], shadow })];
  const { chat, worker } = await openGateway(context, { others: [second.model], traffic, evidence: notes });
  const response = await chat({}, { headers: { 'x-request-id': 'asked' } });
  assert.equal(response.headers.get('x-plinth-version'), 'echo:1');
  assert.match(await response.text(), /Hello world/);
  const { requestId, current, candidate, reference } = await notes.compared.promise;
  const textOf = (events: readonly InferenceEvent[] = []) =>
    events.map((event) => (event.type === 'text-delta' ? event.text : '')).join('');
  assert.deepEqual([requestId, current.version, candidate.version], ['asked', '1', '2']);
  assert.deepEqual(
    [current, candidate, reference].map((answer) => textOf(answer?.events)),
    ['Hello world', 'Good day', 'Hello world'],
  );
  assert.equal(second.worker.received.length, 1);
  assert.equal(worker.received.length, 2);
  assert.deepEqual(notes.observations, []);
});

test('a candidate without a seat to spare is not asked, and the caller has its answer', async (context) => {
  const second = await openVersion(context, '2', ({ send }) => send({ type: 'text-delta', choice: 0, text: '…' }));
  const busy = { ...second.model, replicas: [routedReplica({ id: 'r2', socketPath: second.worker.socketPath, slots: 1 })] };
  const traffic = [modelTraffic({ arms: [{ name: 'current', version: '1', weight: 1 }], shadow })];
  const { chat, metrics } = await openGateway(context, { others: [busy], traffic, evidence: new Notes() });
  const hanging = chat({ model: 'echo:2', stream: true });
  await second.worker.waitFor(({ type }) => type === 'infer');
  assert.equal((await chat()).status, 200);
  const counts = async () => (await metrics.registry.metrics()).match(/plinth_shadow_requests_total\{[^}]*"refused"\} (\d)/)?.[1];
  while ((await counts()) !== '1') await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(second.worker.received.filter(({ type }) => type === 'infer').length, 1);
  await (await hanging).body?.cancel();
});

test('feedback finds the way to whoever compares, with the key that gave it', async (context) => {
  const notes = new Notes();
  const { fetch } = await openGateway(context, { evidence: notes });
  const post = (body: object, key = GOOD_KEY) =>
    fetch('/v1/feedback', {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body: JSON.stringify(body),
    });
  assert.equal((await post({ request_id: 'r-1', rating: 'up', metric: 'tone' })).status, 202);
  assert.deepEqual(
    notes.opinions.map(({ requestId, score, metric, keyId }) => [requestId, score, metric, keyId]),
    [['r-1', 1, 'tone', 'key-1']],
  );
  assert.equal((await post({ request_id: 'unknown', score: 1 })).status, 404);
  assert.equal((await post({ request_id: 'r-1', score: 1 }, 'wrong')).status, 401);
});

test('where nobody compares versions no answer is known to give feedback on', async (context) => {
  const { fetch } = await openGateway(context);
  const headers = { 'content-type': 'application/json' };
  const response = await fetch('/v1/feedback', { method: 'POST', headers, body: '{"request_id":"r","score":1}' });
  assert.deepEqual([response.status, await errorCode(response)], [404, 'not_found']);
});

test('requests from inside go to the version that they name, unseen by evidence, and end when draining begins', async (context) => {
  const second = await openVersion(context, '2', ({ send }) => send({ type: 'text-delta', choice: 0, text: 'x' }));
  const notes = new Notes();
  const traffic = [modelTraffic({ isObserved: true, shadow, fallback: ['2'] })];
  const { gateway, worker } = await openGateway(context, { others: [second.model], traffic, evidence: notes });
  const events = await gather(gateway.infer(generateRequest({ version: '1' })));
  assert.equal(events.at(-1)?.type, 'finished');
  assert.equal(worker.received.length, 1);
  assert.equal(gateway.requestsInWork(), 0);
  const hanging = gather(gateway.infer(generateRequest({ version: '2' })));
  await second.worker.waitFor(({ type }) => type === 'infer');
  await gateway.drain(1000);
  const ended = (await hanging).at(-1);
  assert.equal(ended?.type === 'failed' && ended.error.code, 'cancelled');
  const refused = (await gather(gateway.infer(generateRequest({ version: '1' })))).at(-1);
  assert.equal(refused?.type, 'failed');
  assert.deepEqual(notes.observations, []);
});

test('a request from inside ends at its own deadline and when its asker leaves', async (context) => {
  const { gateway } = await openGateway(context, { script: ({ send }) => send({ type: 'text-delta', choice: 0, text: 'x' }) });
  const late = (await gather(gateway.infer(generateRequest({ timeLeftMs: 20 })))).at(-1);
  assert.equal(late?.type === 'failed' && late.error.code, 'deadline_exceeded');
  const left = (await gather(gateway.infer(generateRequest(), AbortSignal.timeout(20)))).at(-1);
  assert.equal(left?.type === 'failed' && left.error.code, 'cancelled');
  const unknown = (await gather(gateway.infer(generateRequest({ model: 'nobody' })))).at(-1);
  assert.equal(unknown?.type === 'failed' && unknown.error.code, 'model_not_found');
});

/** A model of this gateway that another gateway answers. */
function upstreamModel(url: string, keyVariable: string): RoutedModel {
  const upstream = { url: `${url}/v1`, model: 'echo', keyVariable };
  return routedModel({ name: 'far', replicas: [routedReplica({ id: 'up', socketPath: '', slots: 8, upstream })] });
}

const VARIABLE = 'PLINTH_TEST_UPSTREAM_KEY';

function setUpstreamKey(context: TestContext, key: string): void {
  process.env[VARIABLE] = key;
  context.after(() => delete process.env['PLINTH_TEST_UPSTREAM_KEY']);
}

test('another gateway answers as an upstream: streams, whole answers, tools and failures', async (context) => {
  setUpstreamKey(context, GOOD_KEY);
  const calls: FakeScript = ({ request, send }) => {
    assert.ok(request.kind === 'generate' && request.toolOptions !== undefined);
    send({ type: 'tool-call-delta', choice: 0, index: 0, id: 'c1', name: 'f', argumentsText: '{}' });
    send({ type: 'choice-finished', choice: 0, reason: 'tool-calls' });
    send({ type: 'finished', timings: { queueMs: 0, prefillMs: 0, decodeMs: 0 } });
  };
  const far = await openGateway(context, {
    script: (stream) => {
      const isTool = stream.request.kind === 'generate' && stream.request.toolOptions !== undefined;
      return (isTool ? calls : answerWith('from', ' afar'))(stream);
    },
  });
  const near = await openGateway(context, { others: [upstreamModel(far.gateway.url, VARIABLE)] });
  const whole = await (await near.chat({ model: 'far' })).text();
  assert.match(whole, /"content":"from afar"/);
  assert.match(whole, /"prompt_tokens":3,"completion_tokens":2/);
  const streamed = await (await near.chat({ model: 'far', stream: true })).text();
  assert.match(streamed, /"content":"from".*"content":" afar".*\[DONE\]/s);
  const tools = [{ type: 'function', function: { name: 'f', parameters: { type: 'object', properties: {} } } }];
  assert.match(
    await (await near.chat({ model: 'far', tools })).text(),
    /"tool_calls":\[\{"id":"c1".*"finish_reason":"tool_calls"/,
  );
});

test('an upstream that refuses the key is unavailable, and a local model answers instead', async (context) => {
  setUpstreamKey(context, 'plk_wrong');
  const far = await openGateway(context);
  const far2 = upstreamModel(far.gateway.url, VARIABLE);
  const near = await openGateway(context, { others: [far2], script: answerWith('at home') });
  const refused = await near.chat({ model: 'far' });
  assert.deepEqual([refused.status, await errorCode(refused)], [503, 'model_unavailable']);
  near.snapshots.set(near.snapshots.current().models, [modelTraffic({ model: 'far', fallback: ['echo'] })]);
  const saved = await near.chat({ model: 'far' });
  assert.match(await saved.text(), /at home/);
  assert.equal(
    near.logLines.some((line) => line.includes('plk_wrong')),
    false,
  );
});

test('a caller that goes away ends the work of the upstream too', async (context) => {
  setUpstreamKey(context, GOOD_KEY);
  const far = await openGateway(context, { script: ({ send }) => send({ type: 'text-delta', choice: 0, text: 'x' }) });
  const near = await openGateway(context, { others: [upstreamModel(far.gateway.url, VARIABLE)] });
  const abort = new AbortController();
  const response = await near.chat({ model: 'far', stream: true }, { signal: abort.signal });
  await response.body?.getReader().read();
  abort.abort();
  await far.worker.waitFor((message) => message.type === 'cancel');
});
