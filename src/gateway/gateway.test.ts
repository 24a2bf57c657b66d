import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answerWith, TIMINGS, type FakeStream } from './fake-worker.ts';
import { errorCode, exchangeBytes, GOOD_KEY, openGateway, TEST_KEYS } from './gateway-under-test.ts';
import { routedModel, routedReplica, FakeSnapshots } from './fake-snapshots.ts';
import { configSchema } from '../core/config/index.ts';
import { PlinthError } from '../core/errors/index.ts';
import { createLogger, createMetrics } from '../core/telemetry/index.ts';
import { startGateway } from './gateway.ts';

test('a chat request travels through the gateway to a worker and back', async (context) => {
  const { chat } = await openGateway(context);
  const response = await chat();
  const body = await response.text();
  assert.equal(response.status, 200, body);
  assert.match(body, /"content":"Hello world"/);
  assert.match(body, /"completion_tokens":2/);
});

test('a stream arrives piece by piece and ends with [DONE]', async (context) => {
  const { chat } = await openGateway(context);
  const text = await (await chat({ stream: true })).text();
  assert.match(text, /"content":"Hello"/);
  assert.match(text, /"content":" world"/);
  assert.match(text, /data: \[DONE\]\n\n$/);
});

test('every answer carries a request id: the one that came when it is safe, else a new one', async (context) => {
  const { chat, fetch } = await openGateway(context);
  const idOf = (response: Response): string => response.headers.get('x-request-id') ?? '';
  assert.equal(idOf(await chat({}, { headers: { 'x-request-id': 'my.id-1_a' } })), 'my.id-1_a');
  assert.equal(idOf(await chat({ stream: true }, { headers: { 'x-request-id': 'streamed' } })), 'streamed');
  assert.match(idOf(await chat({}, { headers: { 'x-request-id': 'bad id"' } })), /^[0-9a-f-]{36}$/);
  assert.match(idOf(await fetch('/v1/nothing')), /^[0-9a-f-]{36}$/);
  assert.match(idOf(await fetch('/livez')), /^[0-9a-f-]{36}$/);
  assert.match(idOf(await fetch('/v1/models', { headers: { authorization: 'Bearer wrong' } })), /^[0-9a-f-]{36}$/);
});

test('a large body arrives whole, with a length as in chunks', async (context) => {
  const content = 'word '.repeat(200_000);
  const { chat, worker } = await openGateway(context);
  assert.equal((await chat({ messages: [{ role: 'user', content }] })).status, 200);
  const bytes = new TextEncoder().encode(JSON.stringify({ model: 'echo', messages: [{ role: 'user', content }] }));
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (let at = 0; at < bytes.length; at += 50_000) controller.enqueue(bytes.subarray(at, at + 50_000));
      controller.close();
    },
  });
  assert.equal((await chat({}, { body, duplex: 'half' })).status, 200);
  for (const message of worker.received) {
    const prompt = message.type === 'infer' && message.request.kind === 'generate' ? message.request.prompts[0] : undefined;
    assert.equal(prompt?.type === 'chat' && prompt.messages[0]?.content, content);
  }
});

test('unknown paths and methods are refused in the shape of the protocol', async (context) => {
  const { fetch } = await openGateway(context);
  const unknown = await fetch('/v1/nothing');
  assert.equal(unknown.status, 404);
  assert.equal(await errorCode(unknown), 'not_found');
  const wrongMethod = await fetch('/v1/chat/completions');
  assert.equal(wrongMethod.status, 405);
  assert.equal(wrongMethod.headers.get('allow'), 'POST');
  assert.equal(await errorCode(wrongMethod), 'method_not_allowed');
});

test('a path that cannot be decoded is refused in the shape of the protocol', async (context) => {
  const { fetch } = await openGateway(context);
  const answer = await fetch('/v1/models/%zz');
  assert.equal(answer.status, 400);
  assert.match(answer.headers.get('x-request-id') ?? '', /^[0-9a-f-]{36}$/);
  assert.equal(await errorCode(answer), 'invalid_request');
});

test('a compressed body is refused by its encoding', async (context) => {
  const { chat } = await openGateway(context);
  const answer = await chat({}, { headers: { 'content-encoding': 'gzip' } });
  assert.equal(answer.status, 415);
  assert.match(await answer.text(), /'gzip'/);
});

test('an unknown expectation does not keep a request from its answer', async (context) => {
  const { gateway } = await openGateway(context);
  const bytes = 'GET /livez HTTP/1.1\r\nHost: localhost\r\nExpect: miracles\r\nConnection: close\r\n\r\n';
  assert.match(await exchangeBytes(gateway, bytes), /^HTTP\/1\.1 200 /);
});

test('a request whose worker dies before the first event succeeds on its replacement', async (context) => {
  let isFirst = true;
  const { chat } = await openGateway(context, {
    script: (stream) => {
      if (!isFirst) return answerWith('saved')(stream);
      isFirst = false;
      stream.die();
    },
  });
  assert.match(await (await chat()).text(), /"content":"saved"/);
});

test('an answer in one piece survives the death of its worker in the middle of it', async (context) => {
  let isFirst = true;
  const { chat } = await openGateway(context, {
    script: (stream) => {
      if (!isFirst) return answerWith('whole')(stream);
      isFirst = false;
      stream.send({ type: 'text-delta', choice: 0, text: 'half' });
      setImmediate(stream.die);
    },
  });
  assert.match(await (await chat()).text(), /"content":"whole"/);
});

test('a begun stream whose worker dies ends with exactly one error event', async (context) => {
  const { chat } = await openGateway(context, {
    script: (stream) => {
      stream.send({ type: 'text-delta', choice: 0, text: 'half' });
      setImmediate(stream.die);
    },
  });
  const text = await (await chat({ stream: true })).text();
  assert.equal(text.match(/"error":/g)?.length, 1);
  assert.match(text, /"code":"replica_lost"/);
  assert.match(text, /incomplete/);
});

test('a caller that goes away cancels its work in the worker and frees its place', async (context) => {
  const { chat, worker, gateway } = await openGateway(context, {
    script: ({ send }) => send({ type: 'text-delta', choice: 0, text: 'x' }),
  });
  const abort = new AbortController();
  const response = await chat({ stream: true }, { signal: abort.signal });
  await response.body?.getReader().read();
  assert.equal(gateway.requestsInWork(), 1);
  abort.abort();
  await worker.waitFor((message) => message.type === 'cancel');
  assert.equal(gateway.requestsInWork(), 0);
});

test('a request without an answer by its own deadline fails with 504 and is cancelled in the worker', async (context) => {
  const { chat, worker } = await openGateway(context, { script: () => undefined });
  const response = await chat({}, { headers: { 'x-request-timeout-ms': '50' } });
  assert.equal(response.status, 504);
  assert.equal(await errorCode(response), 'deadline_exceeded');
  await worker.waitFor((message) => message.type === 'cancel');
  const infer = worker.received.find((message) => message.type === 'infer');
  assert.ok(infer?.type === 'infer' && infer.request.timeLeftMs <= 50);
});

test('a malformed request timeout is refused by name', async (context) => {
  const { chat } = await openGateway(context);
  const response = await chat({}, { headers: { 'x-request-timeout-ms': '5s' } });
  assert.equal(response.status, 400);
  assert.match(await response.text(), /"param":"x-request-timeout-ms"/);
});

test('more requests than the gateway takes are refused at once with a time to come back', async (context) => {
  const { chat, metrics } = await openGateway(context, {
    script: ({ send }) => send({ type: 'text-delta', choice: 0, text: 'x' }),
    config: { limits: { concurrentRequests: 1 } },
  });
  const held = await chat({ stream: true });
  const refused = await chat();
  assert.equal(refused.status, 503);
  assert.equal(refused.headers.get('retry-after'), '1');
  assert.equal(await errorCode(refused), 'queue_full');
  assert.match(await metrics.registry.metrics(), /plinth_refusals_total\{reason="queue_full"\} 1/);
  await held.body?.cancel();
});

test('requests beyond a queue of a model are refused at once and counted once', async (context) => {
  const { chat, metrics } = await openGateway(context, {
    script: ({ send }) => send({ type: 'text-delta', choice: 0, text: 'x' }),
    model: { queueLength: 0, replicas: [] },
  });
  const refused = await chat();
  assert.equal(refused.status, 503);
  assert.equal(await errorCode(refused), 'model_not_ready');
  assert.match(await metrics.registry.metrics(), /plinth_refusals_total\{reason="model_not_ready"\} 1/);
});

test('readyz follows the replicas, livez does not, and both need no key', async (context) => {
  const { gateway, snapshots } = await openGateway(context);
  const probe = async (path: string): Promise<string> => {
    const response = await fetch(gateway.url + path);
    return `${response.status} ${(await response.text()).trim()}`;
  };
  assert.equal(await probe('/readyz'), '200 ok');
  snapshots.set([routedModel({ replicas: [routedReplica({ state: 'unready' })], failure: 'secret reason' })]);
  assert.equal(await probe('/readyz'), '503 unavailable');
  assert.equal(await probe('/livez'), '200 ok');
});

test('draining lets begun answers finish, refuses new ones and then closes', async (context) => {
  let begun: FakeStream | undefined;
  const { chat, gateway } = await openGateway(context, {
    script: (stream) => {
      begun = stream;
      stream.send({ type: 'text-delta', choice: 0, text: 'begun' });
    },
  });
  const streamed = await chat({ stream: true });
  const drained = gateway.drain(5000);
  assert.equal((await fetch(`${gateway.url}/readyz`)).status, 503);
  const refused = await chat();
  assert.equal(refused.status, 503);
  assert.equal(refused.headers.get('connection'), 'close');
  assert.equal(await errorCode(refused), 'draining');
  begun?.send({ type: 'text-delta', choice: 0, text: ' and done' }, { type: 'choice-finished', choice: 0, reason: 'stop' });
  begun?.send({ type: 'finished', timings: TIMINGS });
  assert.match(await streamed.text(), / and done[^]*\[DONE\]/);
  await drained;
  await assert.rejects(fetch(`${gateway.url}/livez`));
});

test('draining does not wait for requests that no replica has taken', async (context) => {
  const { chat, gateway, snapshots } = await openGateway(context);
  snapshots.set([routedModel({ replicas: [] })]);
  const waiting = chat();
  while (gateway.requestsInWork() === 0) await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  await gateway.drain(60_000);
  assert.equal(await errorCode(await waiting), 'draining');
});

test('a drain that lasts too long ends begun streams with a typed error', async (context) => {
  const { chat, gateway } = await openGateway(context, {
    script: ({ send }) => send({ type: 'text-delta', choice: 0, text: 'begun' }),
  });
  const streamed = await chat({ stream: true });
  await gateway.drain(20);
  const text = await streamed.text();
  assert.equal(text.match(/"code":"draining"/g)?.length, 1);
});

test('one log line tells of a request what happened and nothing that was said', async (context) => {
  const { chat, logLines } = await openGateway(context, { script: answerWith('confidential-answer') });
  await (
    await chat({ messages: [{ role: 'user', content: 'confidential-prompt' }] }, { headers: { 'x-request-id': 'logged' } })
  ).text();
  while (logLines.length === 0) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(logLines.length, 1);
  const line: unknown = JSON.parse(logLines[0] ?? '');
  assert.ok(typeof line === 'object' && line !== null);
  const { time: _time, totalMs: _total, firstTokenMs: _first, ...rest } = line as Record<string, unknown>;
  assert.deepEqual(rest, {
    level: 'info',
    id: 'logged',
    key: 'key-1',
    method: 'POST',
    endpoint: '/v1/chat/completions',
    model: 'echo',
    version: '1',
    status: 200,
    promptTokens: 3,
    cachedTokens: 1,
    completionTokens: 1,
    queueMs: 1,
    msg: 'request',
  });
  assert.ok(!logLines.join().includes('confidential') && !logLines.join().includes(GOOD_KEY));
});

test('metrics count a request, its tokens and its times', async (context) => {
  const { chat, metrics, logLines } = await openGateway(context);
  await (await chat()).text();
  while (logLines.length === 0) await new Promise((resolve) => setImmediate(resolve));
  const text = await metrics.registry.metrics();
  assert.match(text, /plinth_requests_total\{endpoint="\/v1\/chat\/completions",model="echo",status="200"\} 1/);
  assert.match(text, /plinth_tokens_total\{model="echo",kind="completion"\} 2/);
  assert.match(text, /plinth_time_to_first_token_seconds_count\{model="echo"\} 1/);
  assert.match(text, /plinth_requests_in_work\{model="echo"\} 0/);
});

const refusedAddresses: ReadonlyArray<
  readonly [what: string, config: Record<string, unknown>, hasKeys: boolean, message: RegExp]
> = [
  ['beyond loopback without TLS', { host: '0.0.0.0' }, true, /without TLS.*allowInsecureListen/],
  [
    'beyond loopback without a key, whatever the override says',
    { host: '0.0.0.0', security: { allowInsecureListen: true } },
    false,
    /keys create/,
  ],
  [
    'with files that are not there',
    { tls: { certFile: '/no/cert.pem', keyFile: '/no/key.pem' } },
    true,
    /tls\.certFile names \/no\/cert\.pem/,
  ],
];

for (const [what, config, hasKeys, message] of refusedAddresses) {
  test(`a gateway does not start ${what}`, async () => {
    const starting = startGateway({
      config: configSchema.parse({ port: 0, grpcPort: -1, ...config }),
      snapshots: new FakeSnapshots([]),
      keys: TEST_KEYS,
      metrics: createMetrics(),
      logger: createLogger({ level: 'silent' }),
      hasKeys: () => hasKeys,
    });
    await assert.rejects(starting, (error) => error instanceof PlinthError && message.test(error.message));
  });
}

test('a port that is taken is named', async (context) => {
  const { gateway } = await openGateway(context);
  const starting = startGateway({
    config: configSchema.parse({ port: gateway.port }),
    snapshots: new FakeSnapshots([]),
    keys: TEST_KEYS,
    metrics: createMetrics(),
    logger: createLogger({ level: 'silent' }),
  });
  await assert.rejects(starting, new RegExp(`Cannot listen on 127\\.0\\.0\\.1:${gateway.port}: another program`));
});

test('the override to listen without TLS works and leaves a warning', async () => {
  const lines: string[] = [];
  const gateway = await startGateway({
    config: configSchema.parse({ host: '0.0.0.0', port: 0, grpcPort: -1, security: { allowInsecureListen: true } }),
    snapshots: new FakeSnapshots([]),
    keys: TEST_KEYS,
    metrics: createMetrics(),
    logger: createLogger({ level: 'warn', destination: { write: (line) => void lines.push(line) } }),
  });
  await gateway.close();
  assert.match(lines.join(), /clear text/);
});
