import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compressionAlgorithms, status } from '@grpc/grpc-js';
import type { ModelRepository } from '../../../core/messages/index.ts';
import { ADMIN_KEY } from '../../gateway-under-test.ts';
import { ModelRepositoryService } from '../grpc/generated/index.ts';
import {
  A_BYTES,
  answerTensors,
  B_BYTES,
  bytesOf,
  failure,
  languageFacts,
  openGrpc,
  pairRequest,
  tensorFacts,
  type InferRequest,
} from '../grpc-under-test.ts';

const { INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED, UNAUTHENTICATED, UNAVAILABLE, UNIMPLEMENTED, DEADLINE_EXCEEDED } = status;

test('ModelInfer: raw tensors go in and come back raw, with the model, the version and the id', async (context) => {
  const { client } = await openGrpc(context);
  const response = await client.ask('modelInfer', pairRequest({ id: 'seven' }));
  assert.equal(response.modelName, 'pair');
  assert.equal(response.modelVersion, '1');
  assert.equal(response.id, 'seven');
  assert.deepEqual(
    response.outputs.map(({ name, datatype, shape }) => ({ name, datatype, shape })),
    [
      { name: 'X', datatype: 'FP32', shape: [4n] },
      { name: 'Y', datatype: 'INT64', shape: [4n] },
    ],
  );
  assert.deepEqual(
    response.rawOutputContents.map((raw) => Buffer.from(raw)),
    [A_BYTES, B_BYTES],
  );
  assert.deepEqual(response.parameters, {});
});

test('ModelInfer: typed contents become the same tensors', async (context) => {
  const { client } = await openGrpc(context);
  const inputs = [
    { name: 'A', datatype: 'FP32', shape: [4n], contents: { fp32Contents: [1, 2, 3, 4] } },
    { name: 'B', datatype: 'INT64', shape: [4n], contents: { int64Contents: [5n, -6n, 7n, 2n ** 62n] } },
  ];
  const response = await client.ask('modelInfer', { modelName: 'pair', inputs });
  assert.deepEqual(
    response.rawOutputContents.map((raw) => Buffer.from(raw)),
    [A_BYTES, B_BYTES],
  );
});

test('ModelInfer: a tensor of 16 MiB passes in both directions', async (context) => {
  const { client } = await openGrpc(context, {
    model: { name: 'pair', facts: tensorFacts({ inputs: [{ name: 'A', datatype: 'UINT8', dims: [-1] }] }) },
  });
  const bytes = Buffer.alloc(16 * 1024 * 1024, 7);
  const inputs = [{ name: 'A', datatype: 'UINT8', shape: [BigInt(bytes.length)] }];
  const response = await client.ask('modelInfer', { modelName: 'pair', inputs, rawInputContents: [bytes] });
  assert.equal(bytes.equals(response.rawOutputContents[0] ?? Buffer.alloc(0)), true);
});

test('ModelInfer: a message beyond the limit is refused and the connection lives on', async (context) => {
  const { client } = await openGrpc(context, { client: { 'grpc.max_send_message_length': -1 } });
  const tooLarge = pairRequest({ rawInputContents: [Buffer.alloc(65 * 1024 * 1024), B_BYTES] });
  assert.equal((await failure(client.ask('modelInfer', tooLarge))).code, status.RESOURCE_EXHAUSTED);
  assert.equal((await client.ask('modelInfer', pairRequest())).modelName, 'pair');
});

test('ModelInfer: a compressed request is read', async (context) => {
  for (const algorithm of [compressionAlgorithms.gzip, compressionAlgorithms.deflate]) {
    const { client } = await openGrpc(context, { client: { 'grpc.default_compression_algorithm': algorithm } });
    const response = await client.ask('modelInfer', pairRequest());
    assert.deepEqual(Buffer.from(response.rawOutputContents[0] ?? []), A_BYTES);
  }
});

test('ModelInfer: only the outputs that are asked for, and parameters of the request, reach the worker', async (context) => {
  const { client, worker } = await openGrpc(context);
  const parameters = {
    sequence_id: { parameterChoice: { case: 'int64Param', value: 42n } },
    sequence_start: { parameterChoice: { case: 'boolParam', value: true } },
    priority: { parameterChoice: { case: 'uint64Param', value: 2n } },
    timeout: { parameterChoice: { case: 'int64Param', value: 5000n } },
    mood: { parameterChoice: { case: 'stringParam', value: 'calm' } },
    ratio: { parameterChoice: { case: 'doubleParam', value: 0.5 } },
  } as const;
  await client.ask('modelInfer', pairRequest({ outputs: [{ name: 'Y' }], parameters }));
  const sent = worker.received.find((message) => message.type === 'infer');
  if (sent?.request.kind !== 'tensors') assert.fail('no tensors were asked for');
  const { outputs, sequence, priority, queueTimeoutUs, parameters: free } = sent.request;
  assert.deepEqual(outputs, ['Y']);
  assert.deepEqual(sequence, { id: '42', idType: 'number', isStart: true, isEnd: false });
  assert.deepEqual([priority, queueTimeoutUs, free], [2, 5000, { mood: 'calm', ratio: 0.5 }]);
});

const refusedRequests: ReadonlyArray<readonly [what: string, request: InferRequest, code: status, details: string]> = [
  ['an unknown model', pairRequest({ modelName: 'nobody' }), NOT_FOUND, "Request for unknown model: 'nobody' is not found"],
  [
    'a missing version',
    pairRequest({ modelVersion: '9' }),
    NOT_FOUND,
    "Request for unknown model: 'pair' version 9 is not found",
  ],
  [
    'a version that is no number',
    pairRequest({ modelVersion: 'new' }),
    INVALID_ARGUMENT,
    "invalid model version specified 'new' , version should be an integral value > 0",
  ],
  [
    'typed contents beside raw ones',
    pairRequest({ inputs: [{ name: 'A', datatype: 'FP32', shape: [4n], contents: { fp32Contents: [1] } }] }),
    INVALID_ARGUMENT,
    "contents field must not be specified when using raw_input_contents for 'A' for model 'pair'",
  ],
  [
    'an input without data',
    pairRequest({ rawInputContents: [A_BYTES] }),
    INVALID_ARGUMENT,
    "unable to find data for input tensor 'B' for model 'pair' in request.",
  ],
  [
    'contents of another datatype',
    pairRequest({
      rawInputContents: [],
      inputs: [{ name: 'A', datatype: 'FP32', shape: [4n], contents: { intContents: [1, 2, 3, 4] } }],
    }),
    INVALID_ARGUMENT,
    "unexpected explicit tensor data for input tensor 'A' for model 'pair' of type 'INT32', expected datatype 'FP32'",
  ],
  [
    'a parameter of the wrong kind',
    pairRequest({ parameters: { sequence_id: { parameterChoice: { case: 'boolParam', value: true } } } }),
    INVALID_ARGUMENT,
    "invalid value type for 'sequence_id' parameter, expected int64_param, uint64_param or string_param.",
  ],
  [
    'a reserved parameter',
    pairRequest({ parameters: { triton_secret: { parameterChoice: { case: 'boolParam', value: true } } } }),
    INVALID_ARGUMENT,
    "parameter keys starting with 'triton_' are reserved for Triton usage and should not be specified.",
  ],
  [
    'more outputs than any model has',
    pairRequest({ outputs: Array.from({ length: 4097 }, () => ({ name: 'Y' })) }),
    INVALID_ARGUMENT,
    "at most 4096 inputs and outputs are possible in a request for model 'pair'",
  ],
  [
    'a shape with very many dimensions',
    pairRequest({ inputs: [{ name: 'A', datatype: 'FP32', shape: Array.from({ length: 65 }, () => 1n) }] }),
    INVALID_ARGUMENT,
    "the shape of inference input 'A' may have at most 64 dimensions",
  ],
  [
    'a negative dimension',
    pairRequest({ inputs: [{ name: 'A', datatype: 'FP32', shape: [-2n, -2n] }] }),
    INVALID_ARGUMENT,
    "the shape of inference input 'A' has the dimension -2, which is negative.",
  ],
  [
    'an input in shared memory, which is off',
    pairRequest({
      inputs: [
        {
          name: 'A',
          datatype: 'FP32',
          shape: [4n],
          parameters: {
            shared_memory_region: { parameterChoice: { case: 'stringParam', value: 'r' } },
            shared_memory_byte_size: { parameterChoice: { case: 'int64Param', value: 16n } },
          },
        },
      ],
    }),
    UNIMPLEMENTED,
    "Client shared memory is disabled. Start the server with '--allow-client-shm=true' to enable.",
  ],
];

for (const [what, request, code, details] of refusedRequests) {
  test(`ModelInfer refuses ${what}`, async (context) => {
    const { client, gateway } = await openGrpc(context);
    assert.deepEqual(await failure(client.ask('modelInfer', request)), { code, details });
    assert.equal(gateway.requestsInWork(), 0);
  });
}

test('ModelInfer refuses a decoupled model and a language model', async (context) => {
  const details = "ModelInfer RPC doesn't support models with decoupled transaction policy";
  const decoupled = await openGrpc(context, { model: { name: 'pair', facts: tensorFacts({ isDecoupled: true }) } });
  assert.deepEqual(await failure(decoupled.client.ask('modelInfer', pairRequest())), { code: UNIMPLEMENTED, details });
  const language = await openGrpc(context, { model: { name: 'pair', facts: languageFacts() } });
  const inputs = [{ name: 'text_input', datatype: 'BYTES', shape: [1n], contents: { bytesContents: [Buffer.from('hi')] } }];
  assert.deepEqual(await failure(language.client.ask('modelInfer', { modelName: 'pair', inputs })), {
    code: UNIMPLEMENTED,
    details,
  });
});

test('a failure of the worker keeps its words', async (context) => {
  const { client } = await openGrpc(context, {
    script: ({ send }) => send({ type: 'failed', error: { code: 'engine_failed', message: 'the graph broke' } }),
  });
  assert.deepEqual(await failure(client.ask('modelInfer', pairRequest())), { code: status.INTERNAL, details: 'the graph broke' });
});

test('a call needs a key, in either metadata entry', async (context) => {
  const { client, gateway } = await openGrpc(context);
  for (const key of [undefined, 'plk_wrong']) {
    const { code, details } = await failure(client.ask('modelMetadata', { name: 'pair' }, { key }));
    assert.equal(code, UNAUTHENTICATED);
    assert.match(details, /API key/);
  }
  const asked = client.ask('modelMetadata', { name: 'pair' }, { key: undefined, metadata: { 'x-api-key': 'plk_test_key' } });
  assert.equal((await asked).name, 'pair');
  assert.equal(gateway.requestsInWork(), 0);
});

test('probes answer without a key', async (context) => {
  const { client, snapshots } = await openGrpc(context);
  assert.equal((await client.ask('serverLive', {}, { key: undefined })).live, true);
  assert.equal((await client.ask('serverReady', {}, { key: undefined })).ready, true);
  snapshots.set(snapshots.current().models.map((model) => ({ ...model, replicas: [] })));
  assert.equal((await client.ask('serverReady', {}, { key: undefined })).ready, false);
  assert.equal((await client.ask('modelReady', { name: 'pair' })).ready, false);
});

test('metadata of the platform and of a model', async (context) => {
  const { client } = await openGrpc(context, { model: { name: 'pair', facts: tensorFacts({ maxBatchSize: 8 } as never) } });
  const platform = await client.ask('serverMetadata', {});
  assert.equal(platform.name, 'triton');
  assert.equal(platform.extensions.includes('model_configuration'), true);
  const model = await client.ask('modelMetadata', { name: 'pair' });
  assert.deepEqual([model.name, model.versions, model.platform], ['pair', ['1'], 'onnxruntime_onnx']);
  assert.deepEqual(
    model.inputs.map(({ name, datatype, shape }) => [name, datatype, shape]),
    [
      ['A', 'FP32', [-1n, 4n]],
      ['B', 'INT64', [-1n, 4n]],
    ],
  );
});

test('ModelConfig answers the configuration as messages', async (context) => {
  const { client } = await openGrpc(context);
  const { config } = await client.ask('modelConfig', { name: 'pair', version: '1' });
  assert.equal(config?.backend, 'onnxruntime');
  assert.deepEqual(config?.input[0]?.dims, [4n]);
  assert.equal(config?.input[0]?.dataType, 11);
  assert.equal(config?.schedulingChoice.case, 'dynamicBatching');
});

test('ModelStatistics counts what was inferred', async (context) => {
  const { client } = await openGrpc(context);
  await client.ask('modelInfer', pairRequest());
  const { modelStats } = await client.ask('modelStatistics', {});
  assert.deepEqual([modelStats.length, modelStats[0]?.name, modelStats[0]?.inferenceStats?.success?.count], [1, 'pair', 1n]);
  assert.equal((await failure(client.ask('modelStatistics', { name: 'nobody' }))).code, INVALID_ARGUMENT);
});

interface Ordered {
  readonly repository: ModelRepository;
  readonly orders: unknown[];
}

function recordOrders(): Ordered {
  const orders: unknown[] = [];
  const repository: ModelRepository = {
    index: () => [{ name: 'pair', version: '1', state: 'READY' }, { name: 'idle' }],
    async load(model, override) {
      orders.push([
        'load',
        model,
        override?.config,
        [...(override?.files ?? [])].map(([path, bytes]) => [path, bytes.byteLength]),
      ]);
    },
    async unload(model, dependents) {
      orders.push(['unload', model, dependents]);
    },
  };
  return { repository, orders };
}

test('the repository is listed, loaded and unloaded with an admin key', async (context) => {
  const { repository, orders } = recordOrders();
  const { client } = await openGrpc(context, { repository });
  const admin = { key: ADMIN_KEY };
  const { models } = await client.ask('repositoryIndex', {}, admin);
  assert.deepEqual(
    models.map(({ name, version, state }) => [name, version, state]),
    [
      ['pair', '1', 'READY'],
      ['idle', '', ''],
    ],
  );
  const parameters = {
    config: { parameterChoice: { case: 'stringParam', value: '{"backend":"onnxruntime"}' } },
    'file:1/model.onnx': { parameterChoice: { case: 'bytesParam', value: Buffer.alloc(3) } },
  } as const;
  await client.ask('repositoryModelLoad', { modelName: 'idle', parameters }, admin);
  const unloadParameters = { unload_dependents: { parameterChoice: { case: 'boolParam', value: true } } } as const;
  await client.ask('repositoryModelUnload', { modelName: 'idle', parameters: unloadParameters }, admin);
  assert.deepEqual(orders, [
    ['load', 'idle', { backend: 'onnxruntime' }, [['1/model.onnx', 3]]],
    ['unload', 'idle', 'unload'],
  ]);
  assert.equal((await failure(client.ask('repositoryModelLoad', { modelName: 'idle' }))).code, PERMISSION_DENIED);
});

test('the load of KServe, with the name in the first field, and the repository of MLServer are understood', async (context) => {
  const { repository, orders } = recordOrders();
  const { client } = await openGrpc(context, { repository });
  const answer = await client.ask('repositoryModelLoad', { repositoryName: 'idle' }, { key: ADMIN_KEY });
  assert.deepEqual([answer.modelName, answer.isLoaded], ['idle', true]);
  await client.askOther(ModelRepositoryService, 'repositoryModelUnload', { modelName: 'idle' }, { key: ADMIN_KEY });
  assert.deepEqual(orders, [
    ['load', 'idle', undefined, []],
    ['unload', 'idle', 'keep'],
  ]);
});

test('trace and log settings are read with any key and changed with an admin key', async (context) => {
  const { client } = await openGrpc(context);
  const trace = await client.ask('traceSetting', { modelName: 'pair' });
  assert.deepEqual(trace.settings['trace_level']?.value, ['OFF']);
  const change = { settings: { trace_rate: { value: ['500'] } } };
  assert.equal((await failure(client.ask('traceSetting', change))).code, PERMISSION_DENIED);
  assert.deepEqual((await client.ask('traceSetting', change, { key: ADMIN_KEY })).settings['trace_rate']?.value, ['500']);
  const verbose = { settings: { log_verbose_level: { parameterChoice: { case: 'uint32Param', value: 1 } } } } as const;
  assert.equal((await failure(client.ask('logSettings', verbose))).code, PERMISSION_DENIED);
  const log = await client.ask('logSettings', verbose, { key: ADMIN_KEY });
  assert.deepEqual(log.settings['log_verbose_level']?.parameterChoice, { case: 'uint32Param', value: 1 });
  assert.deepEqual(log.settings['log_info']?.parameterChoice, { case: 'boolParam', value: true });
});

test('shared memory is refused while it is off, and that of graphics cards always', async (context) => {
  const { client } = await openGrpc(context);
  for (const name of ['systemSharedMemoryStatus', 'systemSharedMemoryRegister', 'systemSharedMemoryUnregister'] as const)
    assert.deepEqual(await failure(client.ask(name, {})), {
      code: UNIMPLEMENTED,
      details: "Client shared memory is disabled. Start the server with '--allow-client-shm=true' to enable.",
    });
  assert.equal((await failure(client.ask('cudaSharedMemoryRegister', {}))).code, UNIMPLEMENTED);
  // The programs of Triton's clients let go of all memory of graphics cards before they begin.
  await client.ask('cudaSharedMemoryUnregister', {});
  assert.deepEqual((await client.ask('cudaSharedMemoryStatus', {})).regions, {});
});

test('the deadline of a call ends its work', async (context) => {
  const { client, worker, gateway, logLines } = await openGrpc(context, { script: () => undefined });
  const asked = client.ask('modelInfer', pairRequest(), { deadline: Date.now() + 150 });
  const { code } = await failure(asked);
  assert.equal(code, DEADLINE_EXCEEDED);
  await worker.waitFor((message) => message.type === 'cancel');
  assert.equal(gateway.requestsInWork(), 0);
  assert.match(logLines.join(''), /"status":504,"error":"deadline_exceeded"/);
});

test('a call that is cancelled ends its work', async (context) => {
  const { client, worker } = await openGrpc(context, { script: () => undefined });
  const stream = client.stream();
  stream.on('error', () => undefined);
  stream.write(pairRequest());
  await worker.waitFor((message) => message.type === 'infer');
  stream.cancel();
  await worker.waitFor((message) => message.type === 'cancel');
});

test('a place is taken among the concurrent requests of both ports', async (context) => {
  let release = (): void => undefined;
  const { client, fetch, worker } = await openGrpc(context, {
    config: { limits: { concurrentRequests: 1 } },
    script: (stream) => (release = () => answerTensors(stream, 1)),
  });
  const first = client.ask('modelInfer', pairRequest());
  await worker.waitFor((message) => message.type === 'infer');
  assert.equal((await fetch('/v1/models')).status, 503);
  const { code, details } = await failure(client.ask('modelMetadata', { name: 'pair' }));
  assert.equal(code, UNAVAILABLE);
  assert.match(details, /limit of 1 concurrent/);
  release();
  assert.equal((await first).modelName, 'pair');
});

test('a request is logged once, with its model and without its words', async (context) => {
  const { client, logLines, metrics } = await openGrpc(context);
  await client.ask('modelInfer', pairRequest(), { metadata: { 'x-request-id': 'mine-1' } });
  await failure(client.ask('modelInfer', pairRequest({ modelName: 'nobody' })));
  const lines = logLines
    .join('')
    .split('\n')
    .filter((line) => line.includes('"msg":"request"'));
  assert.equal(lines.length, 2);
  assert.match(
    lines[0] ?? '',
    /"id":"mine-1".*"method":"GRPC","endpoint":"\/inference.GRPCInferenceService\/ModelInfer","model":"pair","version":"1","status":200/,
  );
  assert.match(lines[1] ?? '', /"status":404,"error":"model_not_found"/);
  assert.match(
    await metrics.registry.metrics(),
    /plinth_requests_total\{endpoint="\/inference.GRPCInferenceService\/ModelInfer",model="pair",status="200"\} 1/,
  );
});

test('a method that does not exist and a message that is none are refused', async (context) => {
  const { client } = await openGrpc(context);
  const raw = (path: string, bytes: Buffer) =>
    failure(
      new Promise((_resolve, reject) => {
        client.raw.makeUnaryRequest(
          path,
          (value: Buffer) => value,
          (value) => value,
          bytes,
          (error: unknown) => reject(error ?? new Error('answered')),
        );
      }),
    );
  assert.equal((await raw('/inference.GRPCInferenceService/Nothing', Buffer.alloc(0))).code, UNIMPLEMENTED);
  assert.equal((await raw('/inference.GRPCInferenceService/ServerLive', Buffer.from([0xff, 0xff, 0xff]))).code, status.INTERNAL);
  assert.equal((await client.ask('serverLive', {})).live, true);
});

test('bytes that lie at any offset are tensors as well', async (context) => {
  const { client } = await openGrpc(context);
  const odd = Buffer.concat([Buffer.alloc(3), bytesOf(Float32Array.of(1, 2, 3, 4))]).subarray(3);
  const response = await client.ask('modelInfer', pairRequest({ rawInputContents: [odd, B_BYTES], id: 'x' }));
  assert.deepEqual(Buffer.from(response.rawOutputContents[0] ?? []), A_BYTES);
});
