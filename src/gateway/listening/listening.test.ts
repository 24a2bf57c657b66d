import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { exchangeBytes, GOOD_KEY, openGateway, rawErrorCode } from '../gateway-under-test.ts';
import { chooseListenVerdict, type ListenFacts } from './choose-listen-verdict.ts';

const malformed: ReadonlyArray<readonly [what: string, bytes: string, status: number, code: string]> = [
  ['no HTTP at all', '\x16\x03\x01\x02\x00hello\r\n\r\n', 400, 'invalid_request'],
  ['another protocol version', 'GET /livez HTTP/9.9\r\nHost: localhost\r\n\r\n', 400, 'invalid_request'],
  ['a header name with a space', 'GET /livez HTTP/1.1\r\nHost: localhost\r\nbad name: x\r\n\r\n', 400, 'invalid_request'],
  [
    'both a length and chunks',
    'POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    400,
    'invalid_request',
  ],
  [
    'two lengths',
    'POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcd',
    400,
    'invalid_request',
  ],
  ['a negative length', 'POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n', 400, 'invalid_request'],
  ['a bare line feed in a header', 'GET /livez HTTP/1.1\r\nHost: localhost\nx: y\r\n\r\n', 400, 'invalid_request'],
  [
    'a header block of 100 KB',
    `GET /livez HTTP/1.1\r\nHost: localhost\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`,
    431,
    'headers_too_large',
  ],
  ['a path of 100 KB', `GET /${'y'.repeat(100_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`, 431, 'headers_too_large'],
];

for (const [what, bytes, status, code] of malformed) {
  test(`${what}: refused with ${status}, and the connection is closed`, async (context) => {
    const { gateway } = await openGateway(context);
    const answer = await exchangeBytes(gateway, bytes);
    assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `));
    assert.match(answer, /\r\nx-request-id: [0-9a-f-]{36}\r\n/);
    assert.equal(rawErrorCode(answer), code);
    assert.equal((await fetch(`${gateway.url}/livez`)).status, 200);
  });
}

test('bytes after a begun answer never appear as a second answer inside it', async (context) => {
  const { gateway } = await openGateway(context, {
    script: ({ send }) => send({ type: 'text-delta', choice: 0, text: 'begun' }),
  });
  const body = JSON.stringify({ model: 'echo', messages: [{ role: 'user', content: 'x' }], stream: true });
  const head = ['POST /v1/chat/completions HTTP/1.1', 'Host: localhost', `Authorization: Bearer ${GOOD_KEY}`];
  const fields = ['Content-Type: application/json', `Content-Length: ${body.length}`];
  const socket = connect({ host: gateway.host, port: gateway.port });
  let answer = '';
  socket.on('error', () => undefined);
  socket.write(`${[...head, ...fields].join('\r\n')}\r\n\r\n${body}`);
  await new Promise<void>((resolve) => {
    socket.on('close', () => resolve());
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString();
      if (answer.includes('begun')) socket.write('\x00\x01garbage\r\n\r\n');
    });
  });
  assert.equal(answer.match(/HTTP\/1\.1/g)?.length, 1);
});

test('a client that sends its headers drop by drop is answered with 408 and closed', async (context) => {
  const { gateway } = await openGateway(context);
  const socket = connect({ host: gateway.host, port: gateway.port });
  socket.on('error', () => undefined);
  socket.write('GET /livez HTTP/1.1\r\nHost: localhost\r\n');
  const drip = setInterval(() => socket.write('x: y\r\n'), 500);
  let answer = '';
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
  await new Promise((resolve) => socket.on('close', resolve));
  clearInterval(drip);
  assert.match(answer, /^HTTP\/1\.1 408 /);
  assert.equal(rawErrorCode(answer), 'request_timeout');
});

test('connections beyond the limit are closed without harm to the others', async (context) => {
  const { gateway, metrics } = await openGateway(context, { config: { limits: { connections: 2 } } });
  const held = [1, 2].map(() => connect({ host: gateway.host, port: gateway.port }));
  await Promise.all(held.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
  assert.equal(await exchangeBytes(gateway, 'GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n'), '');
  for (const socket of held) socket.destroy();
  assert.match(await metrics.registry.metrics(), /plinth_refusals_total\{reason="connections"\} 1/);
});

const FACTS: ListenFacts = { host: '10.0.0.1', isLoopback: false, hasTls: true, hasKeys: true, allowsInsecureListen: false };

const verdicts: ReadonlyArray<readonly [what: string, facts: Partial<ListenFacts>, verdict: 'fine' | 'warned' | 'refused']> = [
  ['with keys and TLS', {}, 'fine'],
  ['on loopback with nothing', { isLoopback: true, hasTls: false, hasKeys: false }, 'fine'],
  ['without TLS', { hasTls: false }, 'refused'],
  ['without TLS but with the override', { hasTls: false, allowsInsecureListen: true }, 'warned'],
  ['without keys', { hasKeys: false }, 'refused'],
  ['without keys but with the override', { hasKeys: false, allowsInsecureListen: true }, 'refused'],
];

for (const [what, facts, verdict] of verdicts) {
  test(`listening ${what} is ${verdict}`, () => {
    const { refusal, warning } = chooseListenVerdict({ ...FACTS, ...facts });
    assert.deepEqual([refusal !== undefined, warning !== undefined], [verdict === 'refused', verdict === 'warned']);
  });
}
