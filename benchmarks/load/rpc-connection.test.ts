import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import test, { type TestContext } from 'node:test';
import { RpcConnection } from './rpc-connection.ts';

type Answer = (stream: ServerHttp2Stream, body: Buffer, headers: Record<string, unknown>) => void;

async function connect(context: TestContext, message: Uint8Array, answer: Answer): Promise<RpcConnection> {
  const listener = createServer();
  listener.on('stream', async (stream, headers) => answer(stream, await buffer(stream), headers));
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  const { port } = listener.address() as AddressInfo;
  const headers = { authorization: 'x'.repeat(300) };
  const connection = new RpcConnection({ host: '127.0.0.1', port, path: '/a.B/C', headers }, message);
  await connection.open();
  context.after(() => {
    connection.close();
    listener.close();
  });
  return connection;
}

const call = (connection: RpcConnection): Promise<number> => new Promise((resolve) => connection.call(resolve));

test('calls follow one another on one connection, far past the first flow-control window', async (context) => {
  const seen: unknown[] = [];
  const connection = await connect(context, new Uint8Array(20_000).fill(7), (stream, body, headers) => {
    seen.push([headers[':path'], String(headers['authorization']).length, body.length, body.readUInt32BE(1), body.at(-1)]);
    stream.respond({ ':status': 200 }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(Buffer.alloc(30_005));
  });
  for (let index = 0; index < 12; index += 1) assert.equal(await call(connection), 30_005);
  assert.deepEqual(
    seen,
    Array.from({ length: 12 }, () => ['/a.B/C', 300, 20_005, 20_000, 7]),
  );
});

test('an answer without a message is a failure', async (context) => {
  const connection = await connect(context, new Uint8Array(3), (stream) => {
    stream.respond({ ':status': 200, 'grpc-status': '3' }, { endStream: true });
  });
  assert.equal(await call(connection), 0);
});

test('a connection that is lost ends its call as a failure', async (context) => {
  const connection = await connect(context, new Uint8Array(3), (stream) => stream.session?.destroy());
  assert.equal(await call(connection), 0);
});
