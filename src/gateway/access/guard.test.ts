import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { test } from 'node:test';
import { errorCode, exchangeBytes, GOOD_KEY, openGateway, rawErrorCode } from '../gateway-under-test.ts';
import type { Gateway } from '../index.ts';

interface Answer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
}

interface Ask {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** `fetch` decides on Host and Origin itself; node:http sends what it is told. */
function ask(gateway: Gateway, { method = 'GET', path = '/v1/models', headers = {} }: Ask): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const all = { authorization: `Bearer ${GOOD_KEY}`, ...headers };
    const sent = httpRequest({ host: gateway.host, port: gateway.port, method, path, headers: all }, (answer) => {
      answer.resume();
      resolve({ status: answer.statusCode ?? 0, headers: answer.headers });
    });
    sent.on('error', reject);
    sent.end();
  });
}

const keys: ReadonlyArray<readonly [what: string, headers: Record<string, string>, status: number]> = [
  ['a bearer key', { authorization: `Bearer ${GOOD_KEY}` }, 200],
  ['a bearer key whatever the letter case of the scheme', { authorization: `bEARER  ${GOOD_KEY}` }, 200],
  ['an x-api-key beside an empty authorization', { authorization: '', 'x-api-key': GOOD_KEY }, 200],
  ['no key', { authorization: '' }, 401],
  ['another scheme', { authorization: `Basic ${GOOD_KEY}` }, 401],
  ['an unknown key', { authorization: 'Bearer nope' }, 401],
  ['a key that is far too long', { authorization: `Bearer ${'x'.repeat(4000)}` }, 401],
  ['two words', { authorization: `Bearer ${GOOD_KEY} more` }, 401],
];

test('keys: only a known key in a known form opens the port', async (context) => {
  const { gateway } = await openGateway(context);
  for (const [what, headers, status] of keys) {
    const answer = await ask(gateway, { headers });
    assert.equal(answer.status, status, what);
    if (status === 401) assert.equal(answer.headers['www-authenticate'], 'Bearer', what);
  }
});

test('an x-api-key is taken when no authorization came', async (context) => {
  const { gateway } = await openGateway(context);
  const response = await fetch(`${gateway.url}/v1/models`, { headers: { 'x-api-key': GOOD_KEY } });
  assert.equal(response.status, 200);
});

test('without a key nothing but the probes answers, not even whether a path exists', async (context) => {
  const { gateway } = await openGateway(context);
  for (const path of [
    '/v1/models',
    '/v1/models/echo',
    '/v1/nothing',
    '/',
    '/metrics',
    '/livez/',
    '/LIVEZ',
    '/readyz/../v1/models',
  ]) {
    assert.equal((await fetch(gateway.url + path)).status, 401, path);
  }
});

const hosts: ReadonlyArray<readonly [host: string, status: number]> = [
  ['127.0.0.1', 200],
  ['127.0.0.1:9', 200],
  ['127.8.8.8', 200],
  ['localhost:8080', 200],
  ['LOCALHOST', 200],
  ['[::1]:8080', 200],
  ['llm.example', 200],
  ['LLM.example:443', 200],
  ['evil.example', 403],
  ['localhost.evil.example', 403],
  ['127.0.0.1.evil.example', 403],
  ['localhost@evil.example', 403],
  ['169.254.169.254', 403],
  ['0.0.0.0', 403],
  ['[::]', 403],
  ['2130706433', 403],
  ['127.1', 403],
  ['evil.example:80:80', 403],
];

test('hosts: only names of this machine and configured ones are answered, against DNS rebinding', async (context) => {
  const { gateway } = await openGateway(context, { config: { security: { allowedHosts: ['llm.example'] } } });
  for (const [host, status] of hosts) assert.equal((await ask(gateway, { headers: { host } })).status, status, host);
  assert.equal((await ask(gateway, { path: '/livez', headers: { host: 'evil.example' } })).status, 403);
});

test('an empty Host header and none at all are refused', async (context) => {
  const { gateway } = await openGateway(context);
  assert.match(await exchangeBytes(gateway, 'GET /livez HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n'), /^HTTP\/1\.1 403 /);
  const nameless = await exchangeBytes(gateway, 'GET /livez HTTP/1.1\r\nConnection: close\r\n\r\n');
  assert.match(nameless, /^HTTP\/1\.1 400 /);
  assert.match(nameless, /\r\nx-request-id: [0-9a-f-]{36}\r\n/);
  assert.equal(rawErrorCode(nameless), 'invalid_request');
  assert.match(await exchangeBytes(gateway, 'GET /livez HTTP/1.0\r\n\r\n'), /^HTTP\/1\.1 403 /);
});

test('two Host headers are no valid request', async (context) => {
  const { gateway } = await openGateway(context);
  const lines = [
    'GET /v1/models HTTP/1.1',
    'Host: localhost',
    'Host: evil.example',
    `Authorization: Bearer ${GOOD_KEY}`,
    'Connection: close',
  ];
  const answer = await exchangeBytes(gateway, `${lines.join('\r\n')}\r\n\r\n`);
  assert.match(answer, /^HTTP\/1\.1 400 /);
});

const origins: ReadonlyArray<readonly [origin: string, status: number, allowed: string | undefined]> = [
  ['https://app.example', 200, 'https://app.example'],
  ['https://app.example.evil', 403, undefined],
  ['http://app.example', 403, undefined],
  ['null', 403, undefined],
  ['http://127.0.0.1:1', 403, undefined],
  ['', 403, undefined],
];

test('origins: pages of other origins are refused, configured ones may read the answer', async (context) => {
  const { gateway } = await openGateway(context, { config: { security: { corsOrigins: ['https://app.example'] } } });
  for (const [origin, status, allowed] of origins) {
    const answer = await ask(gateway, { headers: { origin } });
    assert.equal(answer.status, status, origin);
    assert.equal(answer.headers['access-control-allow-origin'], allowed, origin);
  }
  assert.equal((await ask(gateway, { headers: { origin: gateway.url } })).status, 200);
});

test('a refusal can be read by a page of a configured origin as well', async (context) => {
  const { gateway } = await openGateway(context, { config: { security: { corsOrigins: ['https://app.example'] } } });
  const answer = await ask(gateway, { headers: { origin: 'https://app.example', authorization: 'Bearer nope' } });
  assert.equal(answer.status, 401);
  assert.equal(answer.headers['access-control-allow-origin'], 'https://app.example');
});

test('a preflight of a configured origin is answered without a key, any other is refused', async (context) => {
  const { gateway } = await openGateway(context, { config: { security: { corsOrigins: ['https://app.example'] } } });
  const asked = {
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'authorization, x-stainless-os, x-evil',
  };
  const preflight = (origin: string): Promise<Answer> =>
    ask(gateway, { method: 'OPTIONS', path: '/v1/chat/completions', headers: { authorization: '', origin, ...asked } });
  const allowed = await preflight('https://app.example');
  assert.equal(allowed.status, 204);
  const names = String(allowed.headers['access-control-allow-headers']).split(', ');
  assert.ok(names.includes('authorization') && names.includes('x-stainless-os') && !names.includes('x-evil'));
  assert.equal((await preflight('https://evil.example')).status, 403);
});

test('without configured origins no answer carries a CORS header', async (context) => {
  const { gateway } = await openGateway(context);
  const answer = await ask(gateway, {});
  assert.deepEqual(
    Object.keys(answer.headers).filter((name) => name.startsWith('access-control')),
    [],
  );
});

test('too many headers are refused with 431', async (context) => {
  const { gateway } = await openGateway(context, { config: { limits: { headerCount: 20 } } });
  const lines = Array.from({ length: 30 }, (_, index) => `x-h${index}: 1\r\n`).join('');
  const answer = await exchangeBytes(gateway, `GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${lines}\r\n`);
  assert.match(answer, /^HTTP\/1\.1 431 /);
  assert.equal(rawErrorCode(answer), 'headers_too_large');
});

test('a body in very many tiny chunks is given up long before its end', async (context) => {
  const { gateway } = await openGateway(context);
  const head = `POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${GOOD_KEY}\r\nContent-Type: application/json\r\n`;
  const flood = '1\r\n \r\n'.repeat(40_000);
  const answer = await exchangeBytes(gateway, `${head}Transfer-Encoding: chunked\r\n\r\n${flood}0\r\n\r\n`);
  assert.match(answer, /^HTTP\/1\.1 413 /);
  assert.equal(rawErrorCode(answer), 'body_too_large');
});

test('a body beyond the limit is refused before it is read, and the client can read why', async (context) => {
  const { chat } = await openGateway(context, { config: { limits: { bodyBytes: 1000 } } });
  for (const size of [2000, 30_000_000]) {
    const response = await chat({ padding: 'x'.repeat(size) });
    assert.equal(response.status, 413);
    assert.equal(await errorCode(response), 'body_too_large');
  }
});

test('a large body of a caller without a key is answered with 401 that the client can read', async (context) => {
  const { chat } = await openGateway(context);
  const response = await chat(
    { padding: 'x'.repeat(30_000_000) },
    { headers: { authorization: 'Bearer nope', 'content-type': 'application/json' } },
  );
  assert.equal(response.status, 401);
});
