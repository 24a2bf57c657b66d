import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import OpenAI from 'openai';
import { errorTable, type ErrorCode } from '../../../core/errors/index.ts';
import {
  choiceFinished,
  FINISHED,
  play,
  ScriptedApplication,
  scriptedModel,
  textEvent,
  usageEvent,
} from '../scripted-application.ts';
import { formatOpenAiError } from './wire-shapes.ts';

const loading = { ...scriptedModel('org/big'), createdAt: 5 };
const app = new ScriptedApplication({
  models: [scriptedModel('tiny'), { ...loading }, scriptedModel('mute', { capabilities: ['embed'] })],
});
let url = '';
let client: OpenAI;

before(async () => {
  url = `http://127.0.0.1:${await app.listen()}`;
  client = new OpenAI({ apiKey: 'k', baseURL: `${url}/v1`, maxRetries: 0 });
  app.script = () => play([textEvent('Hi'), choiceFinished(), usageEvent(1, 1), FINISHED]);
});
after(() => app.close());

const good = JSON.stringify({ model: 'tiny', messages: [{ role: 'user', content: 'Hi' }] });

async function post(
  body: string | Uint8Array<ArrayBuffer>,
  contentType?: string,
): Promise<{ status: number; code: unknown; keys: string[] }> {
  const headers: Record<string, string> = contentType === undefined ? {} : { 'content-type': contentType };
  const response = await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body });
  const parsed = (await response.json()) as { error?: Record<string, unknown> };
  return { status: response.status, code: parsed.error?.['code'], keys: Object.keys(parsed.error ?? {}) };
}

for (const contentType of ['application/json', 'application/json; charset=utf-8', 'Application/JSON; Charset="UTF-8"']) {
  test(`the content type ${contentType} is accepted`, async () => {
    assert.equal((await post(good, contentType)).status, 200);
  });
}

for (const contentType of ['text/plain', 'application/x-www-form-urlencoded', 'application/json; charset=latin1', 'nonsense']) {
  test(`the content type ${contentType} is refused`, async () => {
    const answer = await post(good, contentType);
    assert.deepEqual([answer.status, answer.code], [415, 'unsupported_media_type']);
  });
}

test('a body without a content type is refused', async () => {
  assert.equal((await post(new TextEncoder().encode(good))).status, 415);
});

const badBodies: ReadonlyArray<readonly [title: string, body: string | Uint8Array<ArrayBuffer>, code: ErrorCode]> = [
  ['an empty body', '', 'invalid_json'],
  ['a cut body', good.slice(0, -1), 'invalid_json'],
  ['a body that is not UTF-8', new Uint8Array([0x7b, 0xff, 0x7d]), 'invalid_utf8'],
  ['a body nested too deep', '['.repeat(65) + ']'.repeat(65), 'invalid_json'],
  ['a body that is no object', '[]', 'invalid_request'],
  ['a body that is too large', `{"model":"${'x'.repeat(100_000)}"}`, 'body_too_large'],
];

for (const [title, body, code] of badBodies) {
  test(`${title} is refused as ${code}, in an error object of four keys`, async () => {
    const answer = await post(body, 'application/json');
    assert.deepEqual(answer, { status: errorTable[code].status, code, keys: ['message', 'type', 'param', 'code'] });
  });
}

test('a request without any body is refused', async () => {
  const response = await fetch(`${url}/v1/embeddings`, { method: 'POST' });
  assert.equal(response.status, 400);
});

test('models are listed and found, also with a slash in their name', async () => {
  const models = await Array.fromAsync(await client.models.list());
  assert.deepEqual(
    models.map(({ id, object, created, owned_by }) => [id, object, created, owned_by]),
    [
      ['tiny', 'model', 1_700_000_000, 'plinth'],
      ['org/big', 'model', 5, 'plinth'],
      ['mute', 'model', 1_700_000_000, 'plinth'],
    ],
  );
  assert.equal((await client.models.retrieve('org/big')).id, 'org/big');
  for (const path of ['org/big', 'org%2Fbig', 'org%2fbig']) {
    const response = await fetch(`${url}/v1/models/${path}`);
    assert.equal(((await response.json()) as { id: string }).id, 'org/big');
    assert.match(response.headers.get('x-request-id') ?? '', /^req-/);
  }
});

test('an unknown model is refused with the nearest names', async () => {
  const creation = client.chat.completions.create({ model: 'tinny', messages: [{ role: 'user', content: 'Hi' }] });
  await assert.rejects(creation, (error) => {
    assert.ok(error instanceof OpenAI.NotFoundError);
    assert.deepEqual([error.code, error.param], ['model_not_found', 'model']);
    assert.match(error.message, /The model 'tinny' does not exist\. Did you mean 'tiny'\?/);
    assert.match(error.requestID ?? '', /^req-/);
    return true;
  });
  await assert.rejects(client.models.retrieve('zzzzzzzzzzzz'), /Served here: 'tiny', 'org\/big', 'mute'/);
  await assert.rejects(client.models.retrieve('z'.repeat(500)), OpenAI.NotFoundError);
});

test('a model that is known not to chat says so', async () => {
  const creation = client.chat.completions.create({ model: 'mute', messages: [{ role: 'user', content: 'Hi' }] });
  await assert.rejects(creation, /The model 'mute' cannot chat/);
});

test('a stream carries the request id and headers of a stream', async () => {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: good.replace('{', '{"stream":true,'),
  });
  assert.match(response.headers.get('x-request-id') ?? '', /^req-/);
  assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
  assert.equal(response.headers.get('cache-control'), 'no-cache');
  await response.text();
});

test('every refusal of load says when to come back, in whole seconds and in milliseconds', () => {
  for (const code of Object.keys(errorTable) as ErrorCode[]) {
    const { status, headers } = formatOpenAiError({ code, message: 'm', retryAfterMs: 20.5 });
    const hasWait = status === 429 || status === 503;
    assert.equal(headers['retry-after'], hasWait ? '1' : undefined, code);
    assert.equal(headers['retry-after-ms'], hasWait ? '21' : undefined, code);
  }
  assert.equal(formatOpenAiError({ code: 'draining', message: 'm' }).headers['retry-after'], '1');
});
