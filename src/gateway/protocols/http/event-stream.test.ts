import assert from 'node:assert/strict';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeEach, test } from 'node:test';
import { EventStream, type EventStreamOptions } from './event-stream.ts';

let listener: Server;
let port = 0;
let answer: (response: ServerResponse) => void = () => undefined;

beforeEach(async () => {
  listener = createServer((_request, response) => answer(response));
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  port = (listener.address() as AddressInfo).port;
});

afterEach(() => {
  listener.closeAllConnections();
  listener.close();
});

interface Served {
  readonly stream: EventStream;
  readonly response: ServerResponse;
  readonly gone: Promise<void>;
}

/** Makes the next request's answer a stream; `socket` is the client's end. */
async function serve(options: Partial<EventStreamOptions> = {}, protocol = 'HTTP/1.1'): Promise<Served & { socket: Socket }> {
  const { promise, resolve } = Promise.withResolvers<Served>();
  answer = (response) => {
    const gone = Promise.withResolvers<void>();
    const stream = new EventStream(response, {
      headers: () => ({ 'content-type': 'text/event-stream' }),
      heartbeatMs: 60_000,
      stalledReaderMs: 60_000,
      onOpen: () => undefined,
      onGone: gone.resolve,
      ...options,
    });
    resolve({ stream, response, gone: gone.promise });
  };
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(`GET / ${protocol}\r\nHost: x\r\n\r\n`);
  return { ...(await promise), socket };
}

/** Reads until the text so far satisfies. */
async function readUntil(socket: Socket, isEnough: (text: string) => boolean): Promise<string> {
  let text = '';
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    text += String(chunk);
    if (isEnough(text)) return text;
  }
  return text;
}

test('texts of one turn leave in one chunk, and the body ends with the last chunk', async () => {
  const { stream, socket } = await serve();
  stream.write('data: a\n\n');
  await Promise.resolve();
  stream.write('data: ü\n\n');
  await new Promise((resolve) => setImmediate(resolve));
  stream.write('data: c\n\n');
  stream.end();
  const [head = '', body = ''] = (await readUntil(socket, (text) => text.endsWith('\r\n0\r\n\r\n'))).split(/\r\n\r\n(.*)/s);
  assert.match(head, /transfer-encoding: chunked/i);
  assert.equal(body, '13\r\ndata: a\n\ndata: ü\n\n\r\n9\r\ndata: c\n\n\r\n0\r\n\r\n');
});

test('the connection serves another request after a stream', async () => {
  const first = await serve();
  first.stream.write('data: a\n\n');
  first.stream.end();
  await readUntil(first.socket, (text) => text.endsWith('0\r\n\r\n'));
  answer = (response) => response.end('again');
  first.socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  assert.match(await readUntil(first.socket, (text) => text.includes('again')), /^HTTP\/1\.1 200/);
});

test('a client of HTTP/1.0 gets the plain body and the end of the connection', async () => {
  const { stream, socket } = await serve({}, 'HTTP/1.0');
  stream.write('data: a\n\n');
  stream.end();
  const text = await readUntil(socket, () => false);
  assert.ok(!/chunked/i.test(text));
  assert.ok(text.endsWith('\r\n\r\ndata: a\n\n'));
});

test('a silent stream opens itself and sends comment lines', async () => {
  let opened = 0;
  const { stream, socket } = await serve({ heartbeatMs: 20, onOpen: () => (opened += 1) });
  const text = await readUntil(socket, (so) => so.split(': ping\n\n').length > 3);
  assert.match(text, /^HTTP\/1\.1 200/);
  assert.equal(opened, 1);
  assert.equal(stream.isOpen, true);
  stream.end();
});

test('a discarded stream leaves the response to others', async () => {
  const { stream, response, socket } = await serve({ heartbeatMs: 20 });
  stream.discard();
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(stream.isOpen, false);
  response.writeHead(429).end('busy');
  assert.match(await readUntil(socket, (text) => text.includes('busy')), /^HTTP\/1\.1 429/);
});

test('a reader that takes nothing blocks the writer, and unblocks it by reading', async () => {
  const { stream, response, socket } = await serve();
  socket.pause();
  const block = `data: ${'x'.repeat(50_000)}\n\n`;
  let written = 0;
  while (stream.room === undefined) {
    stream.write(block);
    written += block.length;
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(response.writableLength < 1_000_000, `holds ${response.writableLength} bytes`);
  const { room } = stream;
  socket.resume();
  socket.on('data', () => undefined);
  await room;
  assert.equal(stream.isClosed, false);
  assert.ok(written > 0);
  stream.end();
});

test('a reader that takes nothing for too long is cut off', async () => {
  const { stream, socket, gone } = await serve({ stalledReaderMs: 30 });
  socket.pause();
  while (stream.room === undefined) {
    stream.write('x'.repeat(50_000));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await stream.room;
  await gone;
  assert.equal(stream.isClosed, true);
});

test('a client that goes away is noticed once, and later writes are dropped', async () => {
  let times = 0;
  const { stream, socket, response } = await serve({ onGone: () => (times += 1) });
  stream.write('data: a\n\n');
  await readUntil(socket, (text) => text.includes('data: a'));
  const closed = new Promise((resolve) => response.once('close', resolve));
  socket.destroy();
  await closed;
  stream.write('data: b\n\n');
  stream.end();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(stream.isClosed, true);
  assert.equal(times, 1);
});

test('a stream that has ended does not report its client as gone', async () => {
  let times = 0;
  const { stream, socket, response } = await serve({ onGone: () => (times += 1) });
  stream.write('data: a\n\n');
  const closed = new Promise((resolve) => response.once('close', resolve));
  stream.end();
  await readUntil(socket, (text) => text.endsWith('0\r\n\r\n'));
  await closed;
  assert.equal(times, 0);
});
