import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import type { ErrorFacts } from '../../../core/errors/index.ts';
import type { EmbedRequest, GenerateRequest, InferenceEvent, InferenceRequest } from '../../../core/inference/index.ts';
import { createLogger } from '../../../core/telemetry/index.ts';
import { generateRequest } from '../../fake-snapshots.ts';
import { Upstreams } from './index.ts';

const KEY = 'sk-very-secret';

interface Visit {
  readonly request: IncomingMessage;
  readonly body: string;
  readonly response: ServerResponse;
}

/** An endpoint on a free port that does what its script says. */
async function openEndpoint(context: TestContext, script: (visit: Visit) => void) {
  const visits: Visit[] = [];
  const listener = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (piece: string) => (body += piece));
    request.on('end', () => {
      const visit = { request, body, response };
      visits.push(visit);
      script(visit);
    });
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const logLines: string[] = [];
  const logger = createLogger({ level: 'trace', destination: { write: (line) => void logLines.push(line) } });
  const upstreams = new Upstreams({ environment: { THEIR_KEY: KEY, BAD_KEY: 'two\nlines' }, logger });
  context.after(() => {
    upstreams.close();
    listener.closeAllConnections();
    listener.close();
  });
  const url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}/v1/`;
  const infer = (request: InferenceRequest, keyVariable?: string) =>
    upstreams.infer({ url, model: 'theirs', ...(keyVariable === undefined ? {} : { keyVariable }) }, request);
  return { visits, url, upstreams, infer, logLines };
}

function stream(...pieces: readonly unknown[]) {
  return ({ response }: Visit): void => {
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
    for (const piece of pieces) response.write(`data: ${typeof piece === 'string' ? piece : JSON.stringify(piece)}\n\n`);
    response.end();
  };
}

function refuse(status: number, body: unknown = {}, headers: Readonly<Record<string, string>> = {}) {
  return ({ response }: Visit): void => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  };
}

const chunk = (delta: object, rest: object = {}) => ({ choices: [{ index: 0, delta, finish_reason: null, ...rest }] });
const end = (reason = 'stop', index = 0) => ({ choices: [{ index, delta: {}, finish_reason: reason }] });
const counted = { choices: [], usage: { prompt_tokens: 7, completion_tokens: 2, prompt_tokens_details: { cached_tokens: 3 } } };
const chat = (fields: Partial<GenerateRequest> = {}) =>
  generateRequest({ prompts: [{ type: 'chat', messages: [{ role: 'user', content: 'hi' }] }], ...fields });

async function gather(events: AsyncIterable<InferenceEvent>): Promise<readonly InferenceEvent[]> {
  const all: InferenceEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

function failureOf(events: readonly InferenceEvent[]): ErrorFacts {
  const last = events.at(-1);
  assert.ok(last?.type === 'failed', `ended with ${last?.type}`);
  return last.error;
}

/** Without timings, which differ. */
const steady = (events: readonly InferenceEvent[]) =>
  events.map((event) => (event.type === 'finished' ? { type: event.type } : event));

test('a conversation is asked for with the key, and its stream comes back as events', async (context) => {
  const given = await openEndpoint(
    context,
    stream(
      chunk({ role: 'assistant', content: '' }),
      chunk({ content: 'Hel' }),
      chunk({ content: 'lo' }),
      end(),
      counted,
      '[DONE]',
    ),
  );
  assert.deepEqual(steady(await gather(given.infer(chat(), 'THEIR_KEY'))), [
    { type: 'text-delta', choice: 0, text: 'Hel' },
    { type: 'text-delta', choice: 0, text: 'lo' },
    { type: 'choice-finished', choice: 0, reason: 'stop' },
    { type: 'usage-report', usage: { promptTokens: 7, cachedTokens: 3, completionTokens: 2 } },
    { type: 'finished' },
  ]);
  const [visit] = given.visits;
  assert.equal(visit?.request.url, '/v1/chat/completions');
  assert.equal(visit?.request.headers.authorization, `Bearer ${KEY}`);
  assert.equal(visit?.request.headers['x-request-id'], 'req-1');
  assert.equal((JSON.parse(visit?.body ?? '') as { model: string }).model, 'theirs');
});

test('a refusal reads as text, a call of a function as its pieces', async (context) => {
  const call = (fields: object) => chunk({ tool_calls: [{ index: 0, ...fields }] });
  const given = await openEndpoint(
    context,
    stream(
      chunk({ refusal: 'no' }),
      call({ id: 'c1', type: 'function', function: { name: 'f', arguments: '' } }),
      call({ id: 'c1', function: { arguments: '{"a"' } }),
      call({ function: { arguments: ':1}' } }),
      end('stop'),
    ),
  );
  assert.deepEqual(steady(await gather(given.infer(chat()))), [
    { type: 'text-delta', choice: 0, text: 'no' },
    { type: 'tool-call-delta', choice: 0, index: 0, id: 'c1', name: 'f', argumentsText: '' },
    { type: 'tool-call-delta', choice: 0, index: 0, argumentsText: '{"a"' },
    { type: 'tool-call-delta', choice: 0, index: 0, argumentsText: ':1}' },
    { type: 'choice-finished', choice: 0, reason: 'tool-calls' },
    { type: 'finished' },
  ]);
});

test('log-probabilities of both endpoints are told with the bytes of their tokens', async (context) => {
  const content = [{ token: 'é', logprob: -0.5, bytes: null, top_logprobs: [{ token: 'e', logprob: -1, bytes: [101] }] }];
  const columns = {
    tokens: [String.raw`bytes:\xe2\x82`],
    token_logprobs: [null],
    top_logprobs: [{ a: -2 }],
    text_offset: [0],
  };
  const given = await openEndpoint(context, (visit) => {
    const isChat = visit.request.url?.includes('chat') === true;
    const text = { choices: [{ index: 0, text: 'x', logprobs: columns, finish_reason: 'length' }] };
    stream(...(isChat ? [chunk({ content: 'é' }, { logprobs: { content } }), end()] : [text]))(visit);
  });
  const [first] = await gather(given.infer(chat()));
  assert.deepEqual(first?.type === 'text-delta' && first.logprobs, [
    { text: 'é', bytes: [0xc3, 0xa9], logprob: -0.5, top: [{ text: 'e', bytes: [101], logprob: -1 }] },
  ]);
  const [second, finish] = await gather(given.infer(generateRequest()));
  assert.deepEqual(second?.type === 'text-delta' && second.logprobs?.[0]?.bytes, [0xe2, 0x82]);
  assert.deepEqual(finish, { type: 'choice-finished', choice: 0, reason: 'length' });
});

test('several choices are told apart, and empty pieces after an end are passed over', async (context) => {
  const text = (index: number, said: string, reason: string | null = null) => ({
    choices: [{ index, text: said, finish_reason: reason }],
  });
  const given = await openEndpoint(
    context,
    stream(text(1, 'b'), text(0, 'a', 'stop'), text(0, ''), text(1, '', 'length'), '[DONE]'),
  );
  const events = await gather(given.infer(generateRequest({ choiceCount: 2 })));
  assert.deepEqual(
    events.flatMap((event) => ('choice' in event ? [[event.choice, event.type]] : [])),
    [
      [1, 'text-delta'],
      [0, 'text-delta'],
      [0, 'choice-finished'],
      [1, 'choice-finished'],
    ],
  );
});

const refusals: ReadonlyArray<readonly [what: string, script: (visit: Visit) => void, code: string, more?: Partial<ErrorFacts>]> =
  [
    ['too many requests', refuse(429, {}, { 'retry-after': '3' }), 'queue_full', { retryAfterMs: 3000 }],
    ['overload', refuse(503, {}, { 'retry-after-ms': '70' }), 'queue_full', { retryAfterMs: 70 }],
    ['a wrong key', refuse(401, { error: { message: `Incorrect API key provided: ${KEY}` } }), 'model_unavailable'],
    ['a forbidden model', refuse(403), 'model_unavailable'],
    ['an unknown model', refuse(404), 'model_unavailable'],
    ['a redirect', refuse(302, '', { location: 'http://127.0.0.1:1/' }), 'model_unavailable'],
    ['a failure', refuse(500, 'oops'), 'engine_failed'],
    ['a gateway without an upstream', refuse(502, '<html>'), 'engine_failed'],
    [
      'a long prompt',
      refuse(400, { error: { code: 'context_length_exceeded', message: 'too long' } }),
      'context_length_exceeded',
    ],
    ['a body that is no stream', refuse(200, { choices: [] }), 'engine_failed'],
    ['a chunk that is no JSON', stream('{"choices":'), 'engine_failed'],
    ['a chunk of another shape', stream({ choices: 'many' }), 'engine_failed'],
    ['a choice that was not asked for', stream({ choices: [{ index: 1, delta: { content: 'x' } }] }), 'engine_failed'],
    ['a call without a name', stream(chunk({ tool_calls: [{ index: 0, function: { arguments: '{}' } }] })), 'engine_failed'],
    ['an error in the stream', stream({ error: { message: `leak ${KEY}`, code: 'replica_lost' } }), 'engine_failed'],
    ['a stream that ends early', stream(chunk({ content: 'x' })), 'replica_lost'],
    ['a connection that breaks', ({ response }) => response.destroy(), 'replica_lost'],
  ];

for (const [what, script, code, more = {}] of refusals) {
  test(`${what} fails with ${code}`, async (context) => {
    const given = await openEndpoint(context, script);
    const { message, ...facts } = failureOf(await gather(given.infer(chat(), 'THEIR_KEY')));
    assert.deepEqual(facts, { code, ...more });
    assert.doesNotMatch(message + given.logLines.join(''), /secret|127\.0\.0\.1/);
  });
}

test('what an upstream says about the request is passed on, cleaned, and without the key', async (context) => {
  const given = await openEndpoint(
    context,
    refuse(400, { error: { message: `bad\u0007 field with ${KEY} ${'x'.repeat(1000)}` } }),
  );
  const { code, message } = failureOf(await gather(given.infer(chat(), 'THEIR_KEY')));
  assert.equal(code, 'invalid_request');
  assert.match(message, /It said: bad  field with … x{10}/);
  assert.ok(message.length < 400);
});

/** A body that goes on for as long as somebody takes it in. */
function endless(response: ServerResponse, piece: string): void {
  const timer = setInterval(() => response.write(piece), 5);
  response.on('close', () => clearInterval(timer));
}

for (const [status, code] of [
  [500, 'engine_failed'],
  [429, 'queue_full'],
  [404, 'model_unavailable'],
] as const) {
  test(`the body of a refusal with ${status} is not waited for`, async (context) => {
    const closed = Promise.withResolvers<void>();
    const given = await openEndpoint(context, ({ response }) => {
      response.on('close', () => closed.resolve());
      response.writeHead(status, { 'content-type': 'application/json' });
      response.write('{');
    });
    assert.equal(failureOf(await gather(given.infer(chat()))).code, code);
    await closed.promise;
  });
}

test('what an upstream says about the request is waited for briefly', async (context) => {
  const given = await openEndpoint(context, ({ response }) => {
    response.writeHead(400, { 'content-type': 'application/json' });
    endless(response, ' ');
  });
  assert.equal(failureOf(await gather(given.infer(chat()))).code, 'invalid_request');
});

test('more bytes than vectors of any length take are no embeddings', async (context) => {
  let written = 0;
  const given = await openEndpoint(context, ({ response }) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    const piece = ' '.repeat(512 * 1024);
    const write = (): void => {
      written += 1;
      response.write(piece, (error) => (error ? undefined : write()));
    };
    write();
  });
  assert.match(failureOf(await gather(given.infer(embed))).message, /more than an answer may have/);
  assert.ok(written < 100, `${written} pieces were taken in`);
});

test('nobody listening is a lost replica, and a missing key is said without its name', async (context) => {
  const given = await openEndpoint(context, stream());
  const nowhere = given.upstreams.infer({ url: 'http://127.0.0.1:1/v1', model: 'theirs' }, chat());
  assert.equal(failureOf(await gather(nowhere)).code, 'replica_lost');
  for (const variable of ['NO_KEY', 'BAD_KEY'])
    assert.throws(() => given.infer(chat(), variable), { code: 'model_unavailable', message: /key .* is missing/ });
  assert.match(given.logLines.join(''), /NO_KEY/);
  assert.equal(given.visits.length, 0);
});

test('a reader that leaves ends the exchange', async (context) => {
  const closed = Promise.withResolvers<void>();
  const given = await openEndpoint(context, ({ response }) => {
    response.on('close', () => closed.resolve());
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(`data: ${JSON.stringify(chunk({ content: 'x' }))}\n\n`);
  });
  const iterator = given.infer(chat())[Symbol.asyncIterator]();
  assert.equal((await iterator.next()).value?.type, 'text-delta');
  const waiting = iterator.next();
  await iterator.return?.();
  assert.deepEqual(await waiting, { done: true, value: undefined });
  await closed.promise;
});

test('an upstream is read no faster than its events are pulled', async (context) => {
  const piece = `data: ${JSON.stringify(chunk({ content: 'x'.repeat(60_000) }))}\n\n`;
  let written = 0;
  const stalled = Promise.withResolvers<void>();
  const given = await openEndpoint(context, ({ response }) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const write = (): void => {
      while (written < 2000) {
        written += 1;
        if (response.write(piece)) continue;
        const timer = setTimeout(() => stalled.resolve(), 300);
        response.once('drain', () => {
          clearTimeout(timer);
          write();
        });
        return;
      }
      stalled.resolve();
    };
    write();
  });
  const iterator = given.infer(chat())[Symbol.asyncIterator]();
  await iterator.next();
  await stalled.promise;
  assert.ok(written < 1000, `${written} pieces were taken in without a reader`);
  await iterator.return?.();
});

const vectors = (...embeddings: readonly unknown[]) => ({ data: embeddings.map((embedding, index) => ({ index, embedding })) });
const embed: EmbedRequest = {
  kind: 'embed',
  id: 'r',
  model: 'm',
  timeLeftMs: 1,
  inputs: [
    { type: 'text', text: 'a' },
    { type: 'text', text: 'b' },
  ],
};

test('embeddings come back at unit length, as numbers or in base64', async (context) => {
  const base64 = Buffer.from(new Float32Array([0, 5]).buffer).toString('base64');
  const given = await openEndpoint(
    context,
    refuse(200, { ...vectors([3, 4], base64), usage: { prompt_tokens: 2, total_tokens: 2 } }),
  );
  const events = await gather(given.infer(embed));
  const numbers = events.flatMap((event) =>
    event.type === 'embedding' ? [[...new Float32Array(event.values.slice().buffer)]] : [],
  );
  assert.deepEqual(numbers, [
    [Math.fround(0.6), Math.fround(0.8)],
    [0, 1],
  ]);
  assert.deepEqual(
    events.slice(2).map(({ type }) => type),
    ['usage-report', 'finished'],
  );
});

const wrongVectors: ReadonlyArray<readonly [what: string, body: object]> = [
  ['too few vectors', vectors([1, 0])],
  ['vectors of different lengths', vectors([1, 0], [1])],
  ['a vector of nothing', vectors([0, 0], [1, 0])],
  ['a cut vector', vectors('AAAA', 'AAAA')],
  ['no vectors', { data: 'x' }],
];

for (const [what, body] of wrongVectors) {
  test(`${what} is no answer`, async (context) => {
    const given = await openEndpoint(context, refuse(200, body));
    assert.equal(failureOf(await gather(given.infer(embed))).code, 'engine_failed');
  });
}

test('connections serve one request after the other', async (context) => {
  const ports = new Set<number | undefined>();
  const given = await openEndpoint(context, (visit) => {
    ports.add(visit.request.socket.remotePort);
    stream(chunk({ content: 'x' }), end(), '[DONE]')(visit);
  });
  for (let count = 0; count < 5; count++) {
    assert.equal((await gather(given.infer(chat()))).at(-1)?.type, 'finished');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.ok(ports.size < 5);
});
