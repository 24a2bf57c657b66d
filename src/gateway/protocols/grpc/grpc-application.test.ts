import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { credentials, Metadata, status, type ClientReadableStream, type ServiceError } from '@grpc/grpc-js';
import { GOOD_KEY } from '../../gateway-under-test.ts';
import { failure, openGrpc, pairRequest, RpcClient } from '../grpc-under-test.ts';
import { Health, type HealthCheckResponse } from './generated/index.ts';
import { wireMethods } from './index.ts';

const SERVING = 1;
const NOT_SERVING = 2;
const SERVICE_UNKNOWN = 3;
const INFERENCE = 'inference.GRPCInferenceService';

async function check(client: RpcClient, name: string): Promise<number> {
  const answer = (await client.askOther(Health, 'check', { service: name }, { key: undefined })) as HealthCheckResponse;
  return answer.status;
}

function watchHealth(
  client: RpcClient,
  name: string,
): { readonly stream: ClientReadableStream<HealthCheckResponse>; next(): Promise<number> } {
  const { path, requestSerialize, responseDeserialize } = wireMethods(Health)['watch'] ?? assert.fail();
  const stream = client.raw.makeServerStreamRequest(path, requestSerialize, responseDeserialize, { service: name });
  stream.on('error', () => undefined);
  const iterator = (stream as AsyncIterable<HealthCheckResponse>)[Symbol.asyncIterator]();
  return { stream, next: async () => ((await iterator.next()) as { value: HealthCheckResponse }).value.status };
}

test('health answers for the whole port and for each of its parts, without a key', async (context) => {
  const { client, snapshots } = await openGrpc(context);
  for (const name of ['', INFERENCE, 'inference.model_repository.ModelRepositoryService'])
    assert.equal(await check(client, name), SERVING);
  assert.equal((await failure(check(client, 'pair'))).code, status.NOT_FOUND);
  snapshots.set(snapshots.current().models.map((model) => ({ ...model, replicas: [] })));
  assert.equal(await check(client, INFERENCE), NOT_SERVING);
  const list = (await client.askOther(Health, 'list', {}, { key: undefined })) as {
    statuses: Record<string, HealthCheckResponse>;
  };
  assert.equal(list.statuses['']?.status, NOT_SERVING);
});

test('what asks for no key may only send short messages', async (context) => {
  const { client } = await openGrpc(context);
  const name = 'x'.repeat(5000);
  assert.equal((await failure(check(client, name))).code, status.RESOURCE_EXHAUSTED);
  await assert.rejects(watchHealth(client, name).next(), { code: status.RESOURCE_EXHAUSTED });
});

test('a watch of health hears every change, and that the port drains', async (context) => {
  const { client, snapshots, gateway } = await openGrpc(context);
  const { models } = snapshots.current();
  const watch = watchHealth(client, '');
  assert.equal(await watch.next(), SERVING);
  snapshots.set(models.map((model) => ({ ...model, replicas: [] })));
  assert.equal(await watch.next(), NOT_SERVING);
  snapshots.set(models);
  assert.equal(await watch.next(), SERVING);
  assert.equal(await watchHealth(client, 'nobody').next(), SERVICE_UNKNOWN);
  const drained = gateway.drain(1000);
  assert.equal(await watch.next(), NOT_SERVING);
  await drained;
});

test('new calls are refused while the port drains', async (context) => {
  let release = (): void => undefined;
  const { client, gateway, worker } = await openGrpc(context, {
    script: ({ send }) => (release = () => send({ type: 'failed', error: { code: 'engine_failed', message: 'over' } })),
  });
  const begun = failure(client.ask('modelInfer', pairRequest()));
  await worker.waitFor((message) => message.type === 'infer');
  const drained = gateway.drain(5000);
  const refused = await failure(client.ask('modelInfer', pairRequest()));
  assert.deepEqual(refused, { code: status.UNAVAILABLE, details: 'The server is shutting down.' });
  release();
  assert.equal((await begun).details, 'over');
  await drained;
});

/** Sends one request to a version of reflection; the two differ in nothing but their name. */
function reflect(
  client: RpcClient,
  version: 'v1' | 'v1alpha',
  options: { readonly request: Buffer; readonly key?: string },
): Promise<Buffer> {
  const metadata = new Metadata();
  if (options.key !== undefined) metadata.set('authorization', `Bearer ${options.key}`);
  const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
  const stream = client.raw.makeBidiStreamRequest(
    path,
    (value: Buffer) => value,
    (value) => value,
    metadata,
  );
  return new Promise((resolve, reject) => {
    stream.on('data', resolve);
    stream.on('error', reject);
    stream.write(options.request);
    stream.end();
  });
}

/** A text at a field of a message. */
function textField(field: number, value: string): Buffer {
  return Buffer.concat([Buffer.from([(field << 3) | 2, value.length]), Buffer.from(value)]);
}

test('reflection lists the parts and gives their definitions, in both versions, with a key', async (context) => {
  const { client } = await openGrpc(context);
  for (const version of ['v1', 'v1alpha'] as const) {
    const listed = await reflect(client, version, { request: textField(7, '*'), key: GOOD_KEY });
    for (const name of [INFERENCE, 'grpc.health.v1.Health']) assert.equal(listed.includes(name), true, name);
    const found = await reflect(client, version, { request: textField(4, `${INFERENCE}.ModelInfer`), key: GOOD_KEY });
    for (const name of ['ModelStreamInferResponse', 'ModelSequenceBatching']) assert.equal(found.includes(name), true, name);
    const refused = await reflect(client, version, { request: textField(7, '*') }).catch((error: ServiceError) => error);
    assert.equal('code' in refused && refused.code, status.UNAUTHENTICATED);
  }
});

test('the definitions that reflection gives are those of the messages', async (context) => {
  const { client } = await openGrpc(context);
  const answer = await reflect(client, 'v1', { request: textField(3, 'health.proto'), key: GOOD_KEY });
  const at = answer.indexOf('\n\fhealth.proto');
  assert.notEqual(at, -1);
  const { messageType } = fromBinary(FileDescriptorProtoSchema, answer.subarray(at));
  assert.deepEqual(messageType.map(({ name }) => name).slice(0, 2), ['HealthCheckRequest', 'HealthCheckResponse']);
});

function makeCertificate(folder: string, name: string): void {
  const files = ['-keyout', join(folder, `${name}.key`), '-out', join(folder, `${name}.crt`)];
  const kind = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  execFileSync('openssl', [...kind, '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', ...files], {
    stdio: 'ignore',
  });
}

async function trustIn(folder: string, name: string): Promise<ReturnType<typeof credentials.createSsl>> {
  return credentials.createSsl(await readFile(join(folder, `${name}.crt`)));
}

async function openSecure(context: TestContext): Promise<{ readonly folder: string; readonly address: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'grpc-tls-'));
  context.after(() => rm(folder, { recursive: true }));
  for (const name of ['live', 'next']) makeCertificate(folder, name);
  const tls = { certFile: join(folder, 'live.crt'), keyFile: join(folder, 'live.key') };
  const { gateway } = await openGrpc(context, { config: { tls } });
  return { folder, address: (gateway.grpcAddress ?? '').replace('127.0.0.1', 'localhost') };
}

test('with a certificate the port speaks TLS only', async (context) => {
  const { folder, address } = await openSecure(context);
  const secure = new RpcClient(address, await trustIn(folder, 'live'));
  const plain = new RpcClient(address);
  context.after(() => {
    secure.close();
    plain.close();
  });
  assert.equal((await secure.ask('modelInfer', pairRequest())).modelName, 'pair');
  assert.equal((await failure(plain.ask('serverLive', {}))).code, status.UNAVAILABLE);
});

test('a renewed certificate is taken up for new connections', async (context) => {
  const { folder, address } = await openSecure(context);
  const before = new RpcClient(address, await trustIn(folder, 'live'));
  context.after(() => before.close());
  assert.equal((await before.ask('serverLive', {})).live, true);
  const trust = await trustIn(folder, 'next');
  for (const kind of ['key', 'crt']) await rename(join(folder, `next.${kind}`), join(folder, `live.${kind}`));
  for (;;) {
    const after = new RpcClient(address, trust);
    const answer = await after.ask('serverLive', {}).catch(() => undefined);
    after.close();
    if (answer !== undefined) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.equal((await before.ask('serverLive', {})).live, true);
});

test('what is no HTTP/2 closes its connection and disturbs nobody', async (context) => {
  const { client, gateway } = await openGrpc(context);
  const [host, port] = (gateway.grpcAddress ?? '').split(':');
  for (const bytes of [
    'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff',
    '\x16\x03\x01\x00\x05hello',
  ]) {
    const socket = connect({ host, port: Number(port) }, () => socket.write(bytes, 'latin1'));
    socket.on('error', () => undefined);
    socket.resume();
    await new Promise((resolve) => socket.on('close', resolve));
  }
  assert.equal((await client.ask('serverLive', {})).live, true);
});

test('no port is opened when none is wanted', async (context) => {
  const { gateway } = await openGrpc(context, { config: { grpcPort: -1 } });
  assert.equal(gateway.grpcAddress, undefined);
});
