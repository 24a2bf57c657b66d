import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import OpenAI from 'openai';
import type { InferenceEvent, TokenLogprobs } from '../../../core/inference/index.ts';
import { choiceFinished, FINISHED, play, ScriptedApplication, silence, textEvent, usageEvent } from '../scripted-application.ts';

const app = new ScriptedApplication();
let port = 0;
let client: OpenAI;
const messages = [{ role: 'user', content: 'Hi' }] as const;
const ask = { model: 'tiny', messages: [...messages] };

before(async () => {
  port = await app.listen();
  client = new OpenAI({ apiKey: 'k', baseURL: `http://127.0.0.1:${port}/v1`, maxRetries: 0 });
});
after(() => app.close());
beforeEach(() => {
  app.requests.length = 0;
});

function answerWith(...events: InferenceEvent[]): void {
  app.script = () => play(events);
}

/** The body of a streamed answer as it is on the wire. */
async function streamText(fields: object = {}): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...ask, stream: true, ...fields }),
  });
  return response.text();
}

/** The JSON of every data line but [DONE]. */
function chunksOf(text: string): unknown[] {
  const lines = text.split('\n\n').filter((line) => line.startsWith('data: ') && line !== 'data: [DONE]');
  return lines.map((line) => JSON.parse(line.slice('data: '.length)) as unknown);
}

const token: TokenLogprobs = {
  text: 'ü',
  bytes: [0xc3, 0xbc],
  logprob: -0.5,
  top: [{ text: '"', bytes: [34], logprob: Number.NEGATIVE_INFINITY }],
};

test('an answer folds into one body with usage', async () => {
  answerWith(textEvent('Hel'), textEvent('lo "you"\n'), choiceFinished(0, 'length'), usageEvent(10, 3, 4), FINISHED);
  const { data: answer, request_id: requestId } = await client.chat.completions.create(ask).withResponse();
  assert.match(answer.id, /^chatcmpl-[0-9a-f]{32}$/);
  assert.match(answer.system_fingerprint ?? '', /^fp_[0-9a-f]{10}$/);
  assert.ok(Math.abs(answer.created - Date.now() / 1000) < 60);
  assert.equal(answer.object, 'chat.completion');
  assert.equal(answer.model, 'tiny');
  assert.deepEqual(answer.choices, [
    {
      index: 0,
      message: { role: 'assistant', content: 'Hello "you"\n', refusal: null },
      logprobs: null,
      finish_reason: 'length',
    },
  ]);
  assert.deepEqual([answer.usage?.prompt_tokens, answer.usage?.completion_tokens, answer.usage?.total_tokens], [10, 3, 13]);
  assert.equal(answer.usage?.prompt_tokens_details?.cached_tokens, 4);
  assert.equal(answer.usage?.completion_tokens_details?.reasoning_tokens, 0);
  assert.match(requestId ?? '', /^req-/);
});

test('choices that interleave keep their own text', async () => {
  answerWith(
    textEvent('b', 1),
    textEvent('a', 0),
    textEvent('B', 1),
    choiceFinished(1),
    textEvent('A', 0),
    choiceFinished(0),
    usageEvent(1, 4),
    FINISHED,
  );
  const answer = await client.chat.completions.create({ ...ask, n: 2 });
  assert.deepEqual(
    answer.choices.map((choice) => [choice.index, choice.message.content]),
    [
      [0, 'aA'],
      [1, 'bB'],
    ],
  );
  assert.equal(app.requests[0]?.kind === 'generate' && app.requests[0].choiceCount, 2);
});

test('log-probabilities come with bytes and alternatives, and an impossible one as a number', async () => {
  answerWith(
    { type: 'text-delta', choice: 0, text: 'ü', logprobs: [token] },
    { type: 'text-delta', choice: 0, text: '', logprobs: [token] },
    choiceFinished(),
    usageEvent(1, 2),
    FINISHED,
  );
  const answer = await client.chat.completions.create({ ...ask, logprobs: true, top_logprobs: 1 });
  const entry = {
    token: 'ü',
    logprob: -0.5,
    bytes: [0xc3, 0xbc],
    top_logprobs: [{ token: '"', logprob: -9999, bytes: [34] }],
  };
  assert.deepEqual(answer.choices[0]?.logprobs, { content: [entry, entry], refusal: null });
  const chunks = await Array.fromAsync(await client.chat.completions.create({ ...ask, logprobs: true, stream: true }));
  assert.deepEqual(
    chunks.flatMap((chunk) => chunk.choices.flatMap((choice) => choice.logprobs?.content ?? [])),
    [entry, entry],
  );
});

const called: InferenceEvent[] = [
  { type: 'tool-call-delta', choice: 0, index: 0, id: 'call_a', name: 'weather', argumentsText: '' },
  { type: 'tool-call-delta', choice: 0, index: 0, argumentsText: '{"city":' },
  { type: 'tool-call-delta', choice: 0, index: 0, argumentsText: '"Bonn"}' },
  { type: 'tool-call-delta', choice: 0, index: 1, id: 'call_b', name: 'clock', argumentsText: '{}' },
  choiceFinished(0, 'tool-calls'),
  usageEvent(5, 9),
  FINISHED,
];
const calls = [
  { id: 'call_a', type: 'function', function: { name: 'weather', arguments: '{"city":"Bonn"}' } },
  { id: 'call_b', type: 'function', function: { name: 'clock', arguments: '{}' } },
];
const tools = ['weather', 'clock'].map((name) => ({ type: 'function' as const, function: { name } }));

test('tool calls come with content null and the reason tool_calls', async () => {
  answerWith(...called);
  const answer = await client.chat.completions.create({ ...ask, tools });
  assert.deepEqual(answer.choices[0]?.message, { role: 'assistant', content: null, refusal: null, tool_calls: calls });
  assert.equal(answer.choices[0]?.finish_reason, 'tool_calls');
});

test('text beside tool calls is kept', async () => {
  answerWith(textEvent('Let me see.'), ...called);
  const answer = await client.chat.completions.create({ ...ask, tools });
  assert.equal(answer.choices[0]?.message.content, 'Let me see.');
  assert.equal(answer.choices[0]?.message.tool_calls?.length, 2);
});

test("the client's stream helper puts tool calls together again", async () => {
  answerWith(...called);
  const final = await client.chat.completions.stream({ ...ask, tools }).finalChatCompletion();
  const message = final.choices[0]?.message;
  assert.equal(message?.content, null);
  assert.deepEqual(
    message?.tool_calls?.map((call) => [
      call.id,
      call.type === 'function' && call.function.name,
      call.type === 'function' && call.function.arguments,
    ]),
    [
      ['call_a', 'weather', '{"city":"Bonn"}'],
      ['call_b', 'clock', '{}'],
    ],
  );
  assert.equal(final.choices[0]?.finish_reason, 'tool_calls');
});

test('a streamed tool call carries its identity in its first delta only', async () => {
  answerWith(...called);
  const chunks = await Array.fromAsync(await client.chat.completions.create({ ...ask, tools, stream: true }));
  const deltas = chunks.flatMap((chunk) => chunk.choices.flatMap((choice) => choice.delta.tool_calls ?? []));
  assert.deepEqual(deltas, [
    { index: 0, id: 'call_a', type: 'function', function: { name: 'weather', arguments: '' } },
    { index: 0, function: { arguments: '{"city":' } },
    { index: 0, function: { arguments: '"Bonn"}' } },
    { index: 1, id: 'call_b', type: 'function', function: { name: 'clock', arguments: '{}' } },
  ]);
  assert.equal(chunks[0]?.choices[0]?.delta.content, null);
});

test('a request with the deprecated functions is answered in the deprecated form', async () => {
  answerWith(...called.slice(0, 3), ...called.slice(4));
  const functions = [{ name: 'weather' }];
  const answer = await client.chat.completions.create({ ...ask, functions });
  assert.deepEqual(answer.choices[0]?.message.function_call, { name: 'weather', arguments: '{"city":"Bonn"}' });
  assert.equal(answer.choices[0]?.finish_reason, 'function_call');
  const chunks = await Array.fromAsync(await client.chat.completions.create({ ...ask, functions, stream: true }));
  assert.deepEqual(
    chunks.flatMap((chunk) => chunk.choices.flatMap((choice) => choice.delta.function_call ?? [])),
    [{ name: 'weather', arguments: '' }, { arguments: '{"city":' }, { arguments: '"Bonn"}' }],
  );
  assert.equal(chunks.at(-1)?.choices[0]?.finish_reason, 'function_call');
});

test('a stream is role, deltas, finish and [DONE], all with one head', async () => {
  answerWith(textEvent('Hé'), textEvent('y 👋'), choiceFinished(), usageEvent(2, 2), FINISHED);
  const text = await streamText();
  assert.ok(text.endsWith('\n\ndata: [DONE]\n\n'));
  const chunks = chunksOf(text) as Array<OpenAI.ChatCompletionChunk & { usage?: unknown }>;
  assert.deepEqual(
    chunks.map((chunk) => chunk.choices),
    [
      [{ index: 0, delta: { role: 'assistant', content: '', refusal: null }, logprobs: null, finish_reason: null }],
      [{ index: 0, delta: { content: 'Hé' }, logprobs: null, finish_reason: null }],
      [{ index: 0, delta: { content: 'y 👋' }, logprobs: null, finish_reason: null }],
      [{ index: 0, delta: {}, logprobs: null, finish_reason: 'stop' }],
    ],
  );
  const heads = new Set(
    chunks.map(({ id, created, model, object, system_fingerprint }) =>
      JSON.stringify([id, created, model, object, system_fingerprint]),
    ),
  );
  assert.equal(heads.size, 1);
  assert.equal(chunks[0]?.object, 'chat.completion.chunk');
  assert.ok(chunks.every((chunk) => !('usage' in chunk)));
});

test('every choice of a stream begins with its role', async () => {
  answerWith(
    textEvent('b', 1),
    textEvent('a', 0),
    choiceFinished(0),
    choiceFinished(1),
    choiceFinished(2),
    usageEvent(1, 2),
    FINISHED,
  );
  const chunks = await Array.fromAsync(await client.chat.completions.create({ ...ask, n: 3, stream: true }));
  for (const index of [0, 1, 2]) {
    const own = chunks.flatMap((chunk) => chunk.choices).filter((choice) => choice.index === index);
    assert.equal(own[0]?.delta.role, 'assistant');
    assert.equal(own.filter((choice) => choice.delta.role !== undefined).length, 1);
    assert.equal(own.at(-1)?.finish_reason, 'stop');
  }
});

test('usage at the end of a stream comes in a chunk of its own, and as null before', async () => {
  answerWith(textEvent('a'), choiceFinished(), usageEvent(7, 1, 3), FINISHED);
  const chunks = chunksOf(await streamText({ stream_options: { include_usage: true } })) as OpenAI.ChatCompletionChunk[];
  assert.deepEqual(
    chunks.map((chunk) => chunk.usage === null),
    [true, true, true, false],
  );
  assert.deepEqual(chunks.at(-1)?.choices, []);
  assert.equal(chunks.at(-1)?.usage?.total_tokens, 8);
  assert.equal(chunks.at(-1)?.usage?.prompt_tokens_details?.cached_tokens, 3);
});

test('stream options without a stream are refused', async () => {
  const creation = client.chat.completions.create({ ...ask, stream_options: { include_usage: true } });
  await assert.rejects(creation, (error) => error instanceof OpenAI.BadRequestError && error.param === 'stream_options');
});

test('a failure before the first byte of a stream is an HTTP error', async () => {
  answerWith({ type: 'failed', error: { code: 'queue_full', message: 'Full.', retryAfterMs: 1500 } });
  const creation = client.chat.completions.create({ ...ask, stream: true });
  await assert.rejects(creation, (error) => {
    assert.ok(error instanceof OpenAI.InternalServerError);
    assert.deepEqual([error.status, error.code, error.type], [503, 'queue_full', 'overloaded_error']);
    assert.equal(error.headers?.get('retry-after'), '2');
    assert.equal(error.headers?.get('retry-after-ms'), '1500');
    return true;
  });
});

test('a failure in the middle of a stream is one error event and no [DONE]', async () => {
  app.script = async function* breaking() {
    yield textEvent('a');
    await new Promise((resolve) => setImmediate(resolve));
    yield { type: 'failed', error: { code: 'engine_failed', message: 'Lost.' } };
  };
  const text = await streamText();
  const error = { message: 'Lost.', type: 'server_error', param: null, code: 'engine_failed' };
  assert.ok(text.endsWith(`data: ${JSON.stringify({ error })}\n\n`));
  assert.equal(text.split('"error"').length, 2);
  assert.ok(!text.includes('[DONE]'));
  const stream = await client.chat.completions.create({ ...ask, stream: true });
  await assert.rejects(Array.fromAsync(stream), OpenAI.APIError);
});

test('a failure in the turn of the first event is still an HTTP error', async () => {
  answerWith(textEvent('a'), { type: 'failed', error: { code: 'replica_lost', message: 'Lost.' } });
  const creation = client.chat.completions.create({ ...ask, stream: true });
  await assert.rejects(creation, (error) => error instanceof OpenAI.InternalServerError && error.status === 503);
});

test('a stream that was silent at first is kept open, and then fails in the stream', async () => {
  const patient = new ScriptedApplication({ heartbeatMs: 10 });
  patient.script = async function* late() {
    await new Promise((resolve) => setTimeout(resolve, 50));
    yield { type: 'failed', error: { code: 'queue_timeout', message: 'Late.' } };
  };
  const response = await fetch(`http://127.0.0.1:${await patient.listen()}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...ask, stream: true }),
  });
  assert.equal(response.status, 200);
  assert.match(await response.text(), /^(?:: ping\n\n)+data: \{"error":\{"message":"Late\."[^\n]*\n\n$/);
  await patient.close();
});

test('a door that throws, or ends too early, is a failure like any other', async () => {
  // oxlint-disable-next-line require-yield
  app.script = async function* broken() {
    throw new TypeError('secret');
  };
  const creation = client.chat.completions.create(ask);
  await assert.rejects(
    creation,
    (error) => error instanceof OpenAI.APIError && error.code === 'internal_error' && !error.message.includes('secret'),
  );
  await assert.rejects(client.chat.completions.create({ ...ask, stream: true }), OpenAI.InternalServerError);
  answerWith(textEvent('a'));
  await assert.rejects(client.chat.completions.create(ask), OpenAI.InternalServerError);
  assert.match(await streamText(), /"code":"internal_error"/);
});

function send(body: object): Socket {
  const text = JSON.stringify(body);
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\n\r\n`,
  );
  socket.write(text);
  return socket;
}

test('a body that arrives byte by byte is one request', async () => {
  answerWith(textEvent('Hi'), choiceFinished(), usageEvent(1, 1), FINISHED);
  const text = JSON.stringify(ask);
  const socket = connect(port, '127.0.0.1');
  const request = `POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
  for (const character of request) {
    socket.write(character);
    await new Promise((resolve) => setImmediate(resolve));
  }
  let answer = '';
  for await (const chunk of socket) answer += String(chunk);
  assert.match(answer, /^HTTP\/1\.1 200[\s\S]*"content":"Hi"/);
});

let cancelledSoFar = 0;

test('a client that leaves a stream cancels the work', async () => {
  app.script = async function* endless() {
    for (;;) {
      yield textEvent('x');
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const stream = await client.chat.completions.create({ ...ask, stream: true });
  for await (const chunk of stream) if (chunk.choices[0]?.delta.content === 'x') break;
  await app.cancelled((cancelledSoFar += 1));
});

for (const stream of [true, false]) {
  test(`a client that leaves before the first event cancels the work (stream: ${stream})`, async () => {
    const begun = Promise.withResolvers<void>();
    app.script = () => {
      begun.resolve();
      return silence();
    };
    const socket = send({ ...ask, stream });
    await begun.promise;
    socket.destroy();
    await app.cancelled((cancelledSoFar += 1));
  });
}

test('a reader that stops reading holds the engine back', async () => {
  let made = 0;
  app.script = async function* eager() {
    for (; made < 100_000; made += 1) {
      yield textEvent('x'.repeat(1000));
      if (made % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const socket = send({ ...ask, stream: true });
  socket.pause();
  let before = -1;
  while (before !== made) {
    before = made;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.ok(made > 0 && made < 50_000, `made ${made}`);
  socket.destroy();
  await app.cancelled((cancelledSoFar += 1));
});
