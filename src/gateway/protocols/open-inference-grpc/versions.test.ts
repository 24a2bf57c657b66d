import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { ServiceError, Metadata } from '@grpc/grpc-js';
import type { ModelTraffic } from '../../../core/traffic/index.ts';
import { modelTraffic, routedModel } from '../../fake-snapshots.ts';
import type { FakeScript } from '../../fake-worker.ts';
import { GOOD_KEY } from '../../gateway-under-test.ts';
import { metadataOf, wireMethods } from '../grpc/index.ts';
import { GRPCInferenceService } from '../grpc/generated/index.ts';
import { openGrpc, pairRequest, tensorFacts, type GrpcUnderTest, type InferRequest } from '../grpc-under-test.ts';

const traffic: Partial<ModelTraffic> = {
  model: 'pair',
  aliases: { stable: '3' },
  arms: [
    { name: 'current', version: '3', weight: 0 },
    { name: 'candidate', version: '4', weight: 1 },
  ],
  purpose: { kind: 'rollout', id: 'r1' },
  rules: [{ when: { header: { name: 'x-tier', equals: 'beta' } }, to: '3' }],
};

async function openVersions(context: TestContext, script?: FakeScript): Promise<GrpcUnderTest> {
  const under = await openGrpc(context, script === undefined ? {} : { script });
  const [known = routedModel()] = under.snapshots.current().models;
  const models = ['3', '4'].map((version) => ({ ...known, name: 'pair', version, facts: tensorFacts() }));
  under.snapshots.set(models, [modelTraffic(traffic)]);
  return under;
}

interface Answer {
  readonly version: string;
  readonly told: readonly [unknown, unknown];
}

const toldBy = (metadata: Metadata): Answer['told'] => [metadata.get('x-plinth-version')[0], metadata.get('x-plinth-arm')[0]];

/** Rejects with the failure. */
function infer({ client }: GrpcUnderTest, request: InferRequest, entries: Record<string, string> = {}): Promise<Answer> {
  const method = wireMethods(GRPCInferenceService)['modelInfer'];
  assert.ok(method);
  return new Promise((resolve, reject) => {
    let told: Answer['told'] = [undefined, undefined];
    const call = client.raw.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      metadataOf({ authorization: `Bearer ${GOOD_KEY}`, ...entries }),
      (error, response: unknown) => {
        const { modelVersion } = (response ?? {}) as { readonly modelVersion: string };
        if (error === null) resolve({ version: modelVersion, told });
        else reject(error);
      },
    );
    call.on('metadata', (metadata: Metadata) => (told = toldBy(metadata)));
  });
}

test('a unary answer says its version and arm in its metadata', async (context) => {
  const under = await openVersions(context);
  assert.deepEqual(await infer(under, pairRequest()), { version: '4', told: ['pair:4', 'candidate'] });
  assert.deepEqual(await infer(under, pairRequest({ modelVersion: '3' })), { version: '3', told: ['pair:3', undefined] });
  assert.deepEqual(await infer(under, pairRequest({ modelName: 'pair@stable' })), { version: '3', told: ['pair:3', undefined] });
});

test('a rule goes by an entry of the metadata', async (context) => {
  const under = await openVersions(context);
  assert.equal((await infer(under, pairRequest(), { 'x-tier': 'beta' })).version, '3');
  assert.equal((await infer(under, pairRequest(), { 'x-tier': 'other' })).version, '4');
});

test('a failure after routing says the version in its trailers', async (context) => {
  const under = await openVersions(context, ({ send }) =>
    send({ type: 'failed', error: { code: 'engine_failed', message: 'no' } }),
  );
  await assert.rejects(infer(under, pairRequest()), (error) => {
    assert.deepEqual(toldBy((error as ServiceError).metadata), ['pair:4', 'candidate']);
    return true;
  });
});

test('a stream says the version of its first answer in its metadata', async (context) => {
  const { client } = await openVersions(context);
  const stream = client.stream();
  const told = new Promise<Answer['told']>((resolve) =>
    stream.once('metadata', (metadata: Metadata) => resolve(toldBy(metadata))),
  );
  const versions: string[] = [];
  const ended = new Promise<void>((resolve, reject) => {
    stream.on('data', ({ inferResponse }) => versions.push(inferResponse?.modelVersion ?? 'none'));
    stream.once('end', resolve).once('error', reject);
  });
  stream.write(pairRequest());
  stream.write(pairRequest({ modelVersion: '3' }));
  stream.end();
  assert.deepEqual(await told, ['pair:4', 'candidate']);
  await ended;
  assert.deepEqual(versions.toSorted(), ['3', '4']);
});

test('a stream whose first request fails says so without a version', async (context) => {
  const { client } = await openVersions(context);
  const stream = client.stream();
  const answers: string[] = [];
  const ended = new Promise<void>((resolve) => {
    stream.on('data', ({ errorMessage, inferResponse }) => answers.push(errorMessage || (inferResponse?.modelVersion ?? '')));
    stream.once('end', resolve);
  });
  stream.write(pairRequest({ modelName: 'nobody' }));
  stream.write(pairRequest());
  stream.end();
  await ended;
  assert.match(answers[0] ?? '', /unknown model: 'nobody'/);
  assert.equal(answers[1], '4');
});

test('requests over gRPC have receipts', async (context) => {
  const under = await openVersions(context);
  await infer(under, pairRequest(), { 'x-request-id': 'mine' });
  for (;;) {
    const receipt = under.gateway.receipts.find('mine') as Readonly<Record<string, unknown>> | undefined;
    if (receipt === undefined) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      continue;
    }
    assert.equal(receipt['endpoint'], '/inference.GRPCInferenceService/ModelInfer');
    assert.equal(receipt['version'], '4');
    return;
  }
});
