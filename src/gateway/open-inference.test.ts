import assert from 'node:assert/strict';
import test from 'node:test';
import type { TensorRequest } from '../core/inference/index.ts';
import type { ModelFacts } from '../core/models/index.ts';
import type { FakeScript } from './fake-worker.ts';
import { openGateway, type GatewayUnderTest } from './gateway-under-test.ts';

const port = (name: string) => ({ name, datatype: 'INT32', dims: [2] }) as const;

const facts: ModelFacts = {
  architecture: 'identity',
  parameterCount: 0,
  quantization: 'F32',
  fileBytes: 1,
  engine: 'scripted 1',
  contextTokens: 0,
  embeddingDimensions: 0,
  slots: 1,
  capabilities: ['tensors'],
  tensors: {
    config: { inputs: [port('I')], outputs: [port('O')], parameters: {}, warmup: [], maxBatchSize: 4 },
    platform: 'onnxruntime_onnx',
    configJson: {},
  },
};

const identity: FakeScript = ({ request, send }) => {
  const [input] = (request as TensorRequest).inputs;
  assert.ok(input !== undefined);
  const execution = { batchRows: 2, ownRows: 2, isLead: true, inputMs: 1, inferMs: 2, outputMs: 3 };
  send(
    { type: 'tensor', response: 0, tensor: { ...input, name: 'O' } },
    { type: 'response-finished', response: 0 },
    { type: 'finished', timings: { queueMs: 1, prefillMs: 0, decodeMs: 0, execution } },
  );
};

function infer({ fetch }: GatewayUnderTest, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  const inputs = [{ name: 'I', datatype: 'INT32', shape: [2, 2], data: [1, 2, 3, 4] }];
  return fetch('/v2/models/echo/infer', { method: 'POST', headers, body: JSON.stringify({ inputs }) });
}

test('tensors go to the worker and back as bytes, and are counted by version', async (context) => {
  const gateway = await openGateway(context, { script: identity, model: { facts, version: '3' } });
  const answer = (await (await infer(gateway)).json()) as Record<string, unknown>;
  assert.deepEqual(answer, {
    model_name: 'echo',
    model_version: '3',
    outputs: [{ name: 'O', datatype: 'INT32', shape: [2, 2], data: [1, 2, 3, 4] }],
  });
  const { model_stats: stats } = (await (await gateway.fetch('/v2/models/echo/stats')).json()) as {
    model_stats: Array<Record<string, unknown>>;
  };
  assert.equal(stats[0]?.['inference_count'], 2);
  assert.equal(stats[0]?.['execution_count'], 1);
  const tally = (count: number, ms: number) => ({ count, ns: ms * 1_000_000 });
  assert.deepEqual(stats[0]?.['batch_stats'], [
    { batch_size: 2, compute_input: tally(1, 1), compute_infer: tally(1, 2), compute_output: tally(1, 3) },
  ]);
  const page = await gateway.metrics.registry.metrics();
  assert.match(page, /^nv_inference_count\{model="echo",version="3"\} 2$/m);
  assert.match(page, /^nv_inference_pending_request_count\{model="echo",version="3"\} 0$/m);
});

const refused: ReadonlyArray<readonly [method: string, path: string, key: string | undefined, status: number, error: RegExp]> = [
  ['GET', '/v2', 'plk_wrong', 401, /^The API key is unknown/],
  ['POST', '/v2/models/echo/infer', 'plk_wrong', 401, /^The API key is unknown/],
  ['GET', '/v2/nothing', undefined, 404, /^Not Found$/],
  ['GET', '/v2/models', undefined, 404, /^Not Found$/],
  ['GET', '/v2/', undefined, 404, /^Not Found$/],
  ['GET', '/v2/models/echo/', undefined, 404, /^Not Found$/],
  ['GET', '/v2/models/echo/infer', undefined, 405, /^Method Not Allowed$/],
  ['POST', '/v2/models/echo/ready', undefined, 405, /^Method Not Allowed$/],
  ['POST', '/v2/repository/index', undefined, 403, /admin key/],
];

test('everything below /v2 is refused in the words and the shape of Open Inference', async (context) => {
  const gateway = await openGateway(context, { script: identity, model: { facts } });
  for (const [method, path, key, status, error] of refused) {
    const response = await gateway.fetch(path, {
      method,
      ...(key === undefined ? {} : { headers: { authorization: `Bearer ${key}` } }),
    });
    assert.equal(response.status, status, `${method} ${path}`);
    const body = (await response.json()) as Record<string, unknown>;
    assert.deepEqual(Object.keys(body), ['error']);
    assert.match(String(body['error']), error);
  }
});

test('the probes of Open Inference answer without a key, for clients that look at the status and those that read', async (context) => {
  const gateway = await openGateway(context, { model: { facts } });
  const probe = async (path: string): Promise<readonly [number, string]> => {
    const response = await fetch(gateway.gateway.url + path);
    return [response.status, await response.text()];
  };
  assert.deepEqual(await probe('/v2/health/live'), [200, '{"live":true}']);
  assert.deepEqual(await probe('/v2/health/ready'), [200, '{"ready":true}']);
  gateway.snapshots.set(gateway.snapshots.current().models.map((model) => ({ ...model, replicas: [] })));
  assert.deepEqual(await probe('/v2/health/ready'), [400, '']);
});

test('a refusal is counted with the status that was sent', async (context) => {
  const gateway = await openGateway(context, { model: { facts } });
  await gateway.fetch('/v2/models/nope/infer', { method: 'POST', body: '{}' });
  assert.match(gateway.logLines.join(''), /"status":404,"error":"model_not_found"/);
});

test('a tensor larger than a conversation may be passes', async (context) => {
  const gateway = await openGateway(context, { script: identity, config: { limits: { bodyBytes: 1000 } }, model: { facts } });
  const body = JSON.stringify({
    inputs: [{ name: 'I', datatype: 'INT32', shape: [2, 2], data: [1, 2, 3, 4] }],
    pad: 'x'.repeat(5000),
  });
  const response = await gateway.fetch('/v2/models/echo/infer', { method: 'POST', body });
  assert.equal(response.status, 200);
  const other = await gateway.fetch('/v2/logging', { method: 'POST', body });
  assert.deepEqual([other.status, Object.keys((await other.json()) as object)], [400, ['error']]);
});

test('a model may have a name as long as a folder can have', async (context) => {
  const name = 'm'.repeat(255);
  const gateway = await openGateway(context, { script: identity, model: { facts, name } });
  assert.equal((await gateway.fetch(`/v2/models/${name}/ready`)).status, 200);
});
