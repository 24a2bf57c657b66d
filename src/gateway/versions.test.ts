import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import OpenAI from 'openai';
import type { ModelFacts } from '../core/models/index.ts';
import type { ModelTraffic } from '../core/traffic/index.ts';
import { modelTraffic, routedModel, routedReplica } from './fake-snapshots.ts';
import { answerWith, TIMINGS, type FakeScript } from './fake-worker.ts';
import { GOOD_KEY, openGateway, type GatewayUnderTest, type UnderTestOptions } from './gateway-under-test.ts';

const FACTS: ModelFacts = {
  architecture: 'scripted',
  parameterCount: 1,
  quantization: 'F32',
  fileBytes: 1,
  engine: 'scripted 1',
  contextTokens: 2048,
  embeddingDimensions: 4,
  slots: 8,
  capabilities: ['chat', 'completion'],
};

/** Says which version was asked. */
const sayVersion: FakeScript = (stream) => answerWith(`version ${stream.request.version}`)(stream);

/** Versions 3 and 4 of `echo`, both at the one fake worker, sharing requests by `traffic`. */
async function openVersions(
  context: TestContext,
  traffic: Partial<ModelTraffic>,
  options: UnderTestOptions = {},
): Promise<GatewayUnderTest> {
  const under = await openGateway(context, { script: sayVersion, ...options });
  const [known] = under.snapshots.current().models;
  const models = ['3', '4'].map((version) => {
    const replicas = known?.replicas.map((replica) => ({ ...replica, id: `${replica.id}-${version}` })) ?? [];
    return routedModel({ version, replicas, facts: FACTS });
  });
  under.snapshots.set(models, [modelTraffic(traffic)]);
  return under;
}

const toCandidate: Partial<ModelTraffic> = {
  aliases: { stable: '3' },
  arms: [
    { name: 'current', version: '3', weight: 0 },
    { name: 'candidate', version: '4', weight: 1 },
  ],
  purpose: { kind: 'rollout', id: 'r1' },
};

const told = (response: Response): readonly [string | null, string | null] => [
  response.headers.get('x-plinth-version'),
  response.headers.get('x-plinth-arm'),
];

interface ChatAnswer {
  readonly model: string;
  readonly choices: ReadonlyArray<{ readonly message: { readonly content: string } }>;
  readonly usage: { readonly plinth?: unknown };
}

test('an answer says its version and arm, in headers and in usage', async (context) => {
  const { chat } = await openVersions(context, toCandidate);
  const response = await chat();
  assert.deepEqual(told(response), ['echo:4', 'candidate']);
  const body = (await response.json()) as ChatAnswer;
  assert.equal(body.choices[0]?.message.content, 'version 4');
  assert.deepEqual(body.usage.plinth, { version: '4', arm: 'candidate' });
});

test('a stream says its version and arm when it opens and in its usage', async (context) => {
  const { chat } = await openVersions(context, toCandidate);
  const response = await chat({ stream: true, stream_options: { include_usage: true } });
  assert.deepEqual(told(response), ['echo:4', 'candidate']);
  assert.match(await response.text(), /"plinth":\{"version":"4","arm":"candidate"\}\}\}\n\ndata: \[DONE\]/);
});

for (const name of ['echo:3', 'echo@stable']) {
  test(`${name} is answered by the version it names, in no arm`, async (context) => {
    const { chat } = await openVersions(context, toCandidate);
    const response = await chat({ model: name });
    assert.deepEqual(told(response), ['echo:3', null]);
    const body = (await response.json()) as ChatAnswer;
    assert.equal(body.choices[0]?.message.content, 'version 3');
    assert.equal(body.model, 'echo');
    assert.deepEqual(body.usage.plinth, { version: '3' });
  });
}

test('a failure after routing says the version too, one before it none', async (context) => {
  const { chat, fetch } = await openVersions(context, toCandidate, {
    script: ({ send }) => send({ type: 'failed', error: { code: 'engine_failed', message: 'no' } }),
  });
  assert.deepEqual(told(await chat()), ['echo:4', 'candidate']);
  assert.deepEqual(told(await chat({ stream: true })), ['echo:4', 'candidate']);
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ model: 'echo', input: 'x' });
  const refused = await fetch('/v1/embeddings', { method: 'POST', headers, body });
  assert.equal(refused.status, 400);
  assert.deepEqual(told(refused), ['echo:4', 'candidate']);
  assert.deepEqual(told(await chat({ model: 'nobody' })), [null, null]);
});

test('after a fallback the answer says who gave it', async (context) => {
  const script: FakeScript = (stream) =>
    stream.request.version === '4'
      ? stream.send({ type: 'failed', error: { code: 'engine_failed', message: 'no' } })
      : sayVersion(stream);
  const { chat } = await openVersions(context, { ...toCandidate, fallback: ['3'] }, { script });
  for (const stream of [false, true]) {
    const response = await chat({ stream, ...(stream ? { stream_options: { include_usage: true } } : {}) });
    assert.deepEqual(told(response), ['echo:3', null]);
    assert.match(await response.text(), /"plinth":\{"version":"3"\}/);
  }
});

test('the openai client reads answers that say their version', async (context) => {
  const { gateway } = await openVersions(context, toCandidate);
  const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: GOOD_KEY });
  const { data, response } = await client.chat.completions
    .create({ model: 'echo', messages: [{ role: 'user', content: 'hi' }] })
    .withResponse();
  assert.equal(data.choices[0]?.message.content, 'version 4');
  assert.equal(data.usage?.total_tokens, 4);
  assert.equal(response.headers.get('x-plinth-version'), 'echo:4');
});

test('models are listed once each, and every way to ask for a version on request', async (context) => {
  const { gateway } = await openVersions(context, toCandidate);
  const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: GOOD_KEY });
  const idsOf = async (query?: Record<string, string>): Promise<string[]> =>
    (await client.models.list(query === undefined ? {} : { query })).data.map(({ id }) => id);
  assert.deepEqual(await idsOf(), ['echo']);
  assert.deepEqual(await idsOf({ versions: 'true' }), ['echo', 'echo:3', 'echo:4', 'echo@stable']);
  assert.equal((await client.models.retrieve('echo@stable')).id, 'echo@stable');
  assert.equal((await client.models.retrieve('echo:3')).id, 'echo:3');
  await assert.rejects(client.models.retrieve('echo:7'), /no version 7/);
});

test('a caller keeps its version while weights move the other way', async (context) => {
  const arms = (candidate: number): ModelTraffic['arms'] => [
    { name: 'current', version: '3', weight: 100 - candidate },
    { name: 'candidate', version: '4', weight: candidate },
  ];
  const { chat, snapshots } = await openVersions(context, {
    ...toCandidate,
    arms: arms(0),
    sticky: { by: 'header', header: 'X-User' },
  });
  const ask = async (user: string): Promise<string | null> => told(await chat({}, { headers: { 'x-user': user } }))[0];
  const users = Array.from({ length: 8 }, (_, index) => `user-${index}`);
  let before = await Promise.all(users.map(ask));
  assert.ok(before.every((version) => version === 'echo:3'));
  for (const weight of [25, 50, 100]) {
    snapshots.set(snapshots.current().models, [
      modelTraffic({ ...toCandidate, arms: arms(weight), sticky: { by: 'header', header: 'X-User' } }),
    ]);
    const after = await Promise.all(users.map(ask));
    before.forEach((version, index) => assert.ok(version === 'echo:3' || after[index] === 'echo:4'));
    before = after;
  }
  assert.ok(before.every((version) => version === 'echo:4'));
});

test('Open Inference reaches a version by its path, and says which answered', async (context) => {
  const { fetch } = await openVersions(context, toCandidate);
  const ask = async (path: string) => {
    const body = JSON.stringify({ text_input: 'hi' });
    const response = await fetch(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    return { response, answer: (await response.json()) as Readonly<Record<string, string>> };
  };
  const byTraffic = await ask('/v2/models/echo/generate');
  assert.equal(byTraffic.answer['model_version'], '4');
  assert.deepEqual(told(byTraffic.response), ['echo:4', 'candidate']);
  const byPath = await ask('/v2/models/echo/versions/3/generate');
  assert.equal(byPath.answer['model_version'], '3');
  assert.deepEqual(told(byPath.response), ['echo:3', null]);
  assert.equal((await ask('/v2/models/echo@stable/generate')).answer['model_version'], '3');
  assert.equal((await ask('/v2/models/echo/versions/7/generate')).response.status, 404);
});

test('a model whose rules lead nowhere is not ready, and says why to who asks', async (context) => {
  const rules = [{ when: { callers: ['key-1'] }, to: 'nobody' }];
  const { fetch, chat } = await openVersions(context, { ...toCandidate, rules });
  assert.equal((await fetch('/v2/models/echo/ready')).status, 400);
  assert.equal((await fetch('/v2/models/echo/versions/3/ready')).status, 200);
  const refused = await chat();
  assert.equal(refused.status, 503);
  assert.match(await refused.text(), /leads to no model/);
});

test('a page of a configured origin may read the version', async (context) => {
  const { chat } = await openVersions(context, toCandidate, { config: { security: { corsOrigins: ['https://app.example'] } } });
  const response = await chat({}, { headers: { origin: 'https://app.example' } });
  assert.match(response.headers.get('access-control-expose-headers') ?? '', /x-plinth-version, x-plinth-arm/);
});

test('a receipt tells what was chosen and why', async (context) => {
  const { chat, gateway } = await openVersions(context, toCandidate);
  const response = await chat({}, { headers: { 'x-request-id': 'mine' } });
  await response.text();
  const receipt = await waitForReceipt(gateway, 'mine');
  assert.equal(receipt['version'], '4');
  assert.equal(receipt['arm'], 'candidate');
  assert.equal(receipt['outcome'], 'ok');
  const [route] = receipt['routes'] as ReadonlyArray<Readonly<Record<string, unknown>>>;
  assert.equal(route?.['by'], 'rollout');
  const { id } = receipt['replica'] as { readonly id: string };
  assert.equal(id, 'r1-4');
  const { prefillMs } = receipt['times'] as Readonly<Record<string, number>>;
  assert.equal(prefillMs, TIMINGS.prefillMs);
  assert.doesNotMatch(JSON.stringify(receipt), /version 4"|"hi"|plk_/);
});

test('a receipt names the replica that was not ready', async (context) => {
  const { chat, gateway, snapshots } = await openVersions(context, {});
  const [older = routedModel(), newer = routedModel()] = snapshots.current().models;
  const loading = routedReplica({ id: 'slow', state: 'loading' });
  snapshots.set([older, { ...newer, replicas: [...newer.replicas, loading] }]);
  await (await chat({}, { headers: { 'x-request-id': 'mine' } })).text();
  const { replica } = (await waitForReceipt(gateway, 'mine')) as { replica: { passedOver: unknown } };
  assert.deepEqual(replica.passedOver, [{ id: 'slow', because: 'loading' }]);
});

/** It is written after the last byte, which the client may have before. */
async function waitForReceipt(gateway: GatewayUnderTest['gateway'], id: string): Promise<Readonly<Record<string, unknown>>> {
  for (;;) {
    const found = gateway.receipts.find(id);
    if (found !== undefined) return found as Readonly<Record<string, unknown>>;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
