import assert from 'node:assert/strict';
import { gunzipSync, gzipSync, deflateSync, inflateSync } from 'node:zlib';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import test, { type TestContext } from 'node:test';
import type { TensorRequest } from '../../../core/inference/index.ts';
import type { RoutedModel } from '../../../core/messages/index.ts';
import { play, type ScriptedApplication } from '../scripted-application.ts';
import {
  int32Tensor,
  scriptedTensors,
  simpleModel,
  tensorEvents,
  tensorModel,
  type ScriptedTensorsOptions,
} from './scripted-tensors.ts';

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

interface Asked {
  readonly app: ScriptedApplication;
  post(path: string, body: string | Buffer, headers?: Readonly<Record<string, string>>): Promise<Answer>;
}

async function open(context: TestContext, options: ScriptedTensorsOptions = {}): Promise<Asked> {
  const app = scriptedTensors(options);
  const port = await app.listen();
  context.after(() => app.close());
  const post: Asked['post'] = (path, body, headers = {}) =>
    new Promise((resolve, reject) => {
      const sent = httpRequest(
        { port, path, method: 'POST', headers: { ...headers, 'content-length': Buffer.byteLength(body) } },
        (response) => {
          const pieces: Buffer[] = [];
          response.on('data', (piece: Buffer) => pieces.push(piece));
          response.on('end', () =>
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(pieces) }),
          );
        },
      );
      sent.on('error', reject);
      sent.end(body);
    });
  return { app, post };
}

/** Echoes every input under the name of the output of the same place. */
function echo(app: ScriptedApplication, model: RoutedModel): void {
  app.script = (request) => {
    const { inputs } = request as TensorRequest;
    const outputs = model.facts?.tensors?.config.outputs ?? [];
    return play(tensorEvents(...inputs.map((input, index) => ({ ...input, name: outputs[index]?.name ?? '' }))));
  };
}

const ROW = Array.from({ length: 16 }, (_, index) => index);

function simpleBody(fields: Readonly<Record<string, unknown>> = {}, input: Readonly<Record<string, unknown>> = {}): string {
  const inputs = ['INPUT0', 'INPUT1'].map((name) => ({ name, datatype: 'INT32', shape: [1, 16], data: ROW, ...input }));
  return JSON.stringify({ inputs, ...fields });
}

const INFER = '/v2/models/simple/infer';

test('tensors in JSON, nested or flat, come back flat with names, shapes and the key order of the protocol', async (context) => {
  const { app, post } = await open(context);
  echo(app, simpleModel());
  for (const data of [ROW, [ROW], [ROW.map((value) => [value])]]) {
    const { status, headers, body } = await post(INFER, simpleBody({ id: '7' }, { data }));
    assert.equal(status, 200);
    assert.equal(headers['content-type'], 'application/json');
    const output = (name: string): string => `{"name":"${name}","datatype":"INT32","shape":[1,16],"data":[${ROW.join(',')}]}`;
    assert.equal(
      body.toString(),
      `{"id":"7","model_name":"simple","model_version":"1","outputs":[${output('OUTPUT0')},${output('OUTPUT1')}]}`,
    );
  }
});

test('binary tensors come behind the JSON and go back the same way for the outputs that want it', async (context) => {
  const { app, post } = await open(context);
  echo(app, simpleModel());
  const bytes = Buffer.from(Int32Array.from(ROW).buffer);
  const json = JSON.stringify({
    inputs: ['INPUT0', 'INPUT1'].map((name) => ({
      name,
      datatype: 'INT32',
      shape: [1, 16],
      parameters: { binary_data_size: 64 },
    })),
    outputs: [{ name: 'OUTPUT0', parameters: { binary_data: true } }, { name: 'OUTPUT1' }],
  });
  const { headers, body } = await post(INFER, Buffer.concat([Buffer.from(json), bytes, bytes]), {
    'inference-header-content-length': String(json.length),
  });
  assert.equal(headers['content-type'], 'application/octet-stream');
  const length = Number(headers['inference-header-content-length']);
  const head = JSON.parse(body.subarray(0, length).toString()) as { outputs: Array<Record<string, unknown>> };
  assert.deepEqual(head.outputs[0], { name: 'OUTPUT0', datatype: 'INT32', shape: [1, 16], parameters: { binary_data_size: 64 } });
  assert.deepEqual(head.outputs[1]?.['data'], ROW);
  assert.deepEqual(body.subarray(length), bytes);
});

test('outputs that are not listed follow binary_data_output, listed ones their own wish', async (context) => {
  const { app, post } = await open(context);
  echo(app, simpleModel());
  const all = await post(INFER, simpleBody({ parameters: { binary_data_output: true } }));
  assert.equal(all.body.length - Number(all.headers['inference-header-content-length']), 128);
  const listed = await post(INFER, simpleBody({ parameters: { binary_data_output: true }, outputs: [{ name: 'OUTPUT1' }] }));
  assert.equal(listed.headers['inference-header-content-length'], undefined);
  const { outputs } = JSON.parse(listed.body.toString()) as { outputs: Array<Record<string, unknown>> };
  assert.deepEqual(
    outputs.map(({ name, data }) => [name, data]),
    [['OUTPUT1', ROW]],
  );
  assert.deepEqual((app.requests[1] as TensorRequest).outputs, ['OUTPUT1']);
  assert.deepEqual((app.requests[1] as TensorRequest).parameters, {});
});

test('whole numbers of 64 bits keep every digit both ways', async (context) => {
  const model = tensorModel('large', {
    inputs: [{ name: 'I', datatype: 'INT64', dims: [3] }],
    outputs: [{ name: 'O', datatype: 'INT64', dims: [3] }],
    maxBatchSize: 0,
  });
  const { app, post } = await open(context, { models: [model] });
  echo(app, model);
  const data = '9223372036854775807,-9223372036854775808,9007199254740993';
  const { status, body } = await post(
    '/v2/models/large/infer',
    `{"inputs":[{"name":"I","datatype":"INT64","shape":[3],"data":[${data}]}]}`,
  );
  assert.equal(status, 200, body.toString());
  assert.match(body.toString(), new RegExp(`"data":\\[${data}\\]`));
  const over = await post(
    '/v2/models/large/infer',
    '{"inputs":[{"name":"I","datatype":"INT64","shape":[3],"data":[9223372036854775808,0,0]}]}',
  );
  assert.equal(over.status, 400);
});

test('a body with nothing but bytes is the one input of the model', async (context) => {
  const model = tensorModel('raw', {
    inputs: [{ name: 'I', datatype: 'FP32', dims: [-1] }],
    outputs: [{ name: 'O', datatype: 'FP32', dims: [-1] }],
  });
  const { app, post } = await open(context, { models: [model] });
  echo(app, model);
  const bytes = Buffer.from(Float32Array.from([1, 2, 3]).buffer);
  const { headers, body } = await post('/v2/models/raw/infer', bytes, { 'inference-header-content-length': '0' });
  assert.deepEqual((app.requests[0] as TensorRequest).inputs[0]?.shape, [1, 3]);
  assert.deepEqual(body.subarray(Number(headers['inference-header-content-length'])), bytes);
});

test('compressed bodies are understood, long answers are compressed as the client likes it best', async (context) => {
  const { app, post } = await open(context);
  echo(app, simpleModel());
  const rows = Array.from({ length: 8 }, () => ROW.map((value) => value + 1_000_000));
  const long = simpleBody({}, { shape: [8, 16], data: rows });
  for (const [coding, pack] of [
    ['gzip', gzipSync],
    ['deflate', deflateSync],
  ] as const) {
    const { status, headers, body } = await post(INFER, pack(long), {
      'content-encoding': coding,
      'accept-encoding': `identity;q=0.1, br, ${coding}`,
    });
    assert.equal(status, 200);
    assert.equal(headers['content-encoding'], coding);
    const plain = coding === 'gzip' ? gunzipSync(body) : inflateSync(body);
    assert.match(plain.toString(), /^\{"model_name":"simple"/);
  }
});

test('an unknown coding is refused with those that are known, a bomb is given up', async (context) => {
  const { post } = await open(context);
  const foreign = await post(INFER, 'x', { 'content-encoding': 'br' });
  assert.equal(foreign.status, 501);
  assert.equal(foreign.headers['accept-encoding'], 'gzip, deflate');
  assert.equal(foreign.body.toString(), '{"error":"Unsupported compression type"}');
  const bomb = await post(INFER, gzipSync(Buffer.alloc(5_000_000)), { 'content-encoding': 'gzip' });
  assert.equal(bomb.status, 400);
  assert.match(bomb.body.toString(), /larger/);
});

test('parameters become words of the platform or stay parameters of the model', async (context) => {
  const { app, post } = await open(context);
  echo(app, simpleModel());
  const parameters =
    '{"sequence_id":18446744073709551615,"sequence_start":true,"priority":2,"timeout":5000,"mode":"fast","half":0.5}';
  const { status, body } = await post(INFER, simpleBody().replace(/\}$/, `,"parameters":${parameters}}`));
  assert.equal(status, 200, body.toString());
  const request = app.requests[0] as TensorRequest;
  assert.deepEqual(request.sequence, { id: '18446744073709551615', idType: 'number', isStart: true, isEnd: false });
  assert.equal(request.priority, 2);
  assert.equal(request.queueTimeoutUs, 5000);
  assert.deepEqual(request.parameters, { mode: 'fast', half: 0.5 });
});

test('classification gives the best classes with their labels', async (context) => {
  const model = tensorModel('scores', {
    inputs: [{ name: 'I', datatype: 'FP32', dims: [3] }],
    outputs: [{ name: 'O', datatype: 'FP32', dims: [3], labels: ['cat', 'dog', 'cow'] }],
  });
  const { app, post } = await open(context, { models: [model] });
  echo(app, model);
  const inputs = [{ name: 'I', datatype: 'FP32', shape: [2, 3], data: [0.25, 3.3, 1, 9, 8, 7] }];
  const outputs = [{ name: 'O', parameters: { classification: 2 } }];
  const { body } = await post('/v2/models/scores/infer', JSON.stringify({ inputs, outputs }));
  const [output] = (JSON.parse(body.toString()) as { outputs: unknown[] }).outputs;
  assert.deepEqual(output, {
    name: 'O',
    datatype: 'BYTES',
    shape: [2, 2],
    data: ['3.300000:1:dog', '1.000000:2:cow', '9.000000:0:cat', '8.000000:1:dog'],
  });
});

const refusals: ReadonlyArray<readonly [what: string, path: string, body: string, status: number, text: RegExp]> = [
  ['unknown model', '/v2/models/nope/infer', simpleBody(), 404, /^Request for unknown model: 'nope' is not found$/],
  [
    'unknown version',
    '/v2/models/simple/versions/9/infer',
    simpleBody(),
    404,
    /^Request for unknown model: 'simple' version 9 is not found$/,
  ],
  ['version that is no number', '/v2/models/simple/versions/x/infer', simpleBody(), 400, /^invalid model version specified 'x' /],
  ['no JSON', INFER, '{', 400, /^failed to parse the request JSON buffer: /],
  ['empty body', INFER, '', 400, /^failed to parse the request JSON buffer: /],
  ['deep JSON', INFER, `${'['.repeat(200)}${']'.repeat(200)}`, 400, /deeper than 100/],
  ['no inputs', INFER, '{}', 400, /^Unable to parse 'inputs'/],
  [
    'a missing input',
    INFER,
    JSON.stringify({ inputs: [{ name: 'INPUT0', datatype: 'INT32', shape: [1, 16], data: ROW }] }),
    400,
    /^expected 2 inputs but got 1 inputs for model 'simple'\. Got input\(s\) \['INPUT0'\], but missing required input\(s\) \['INPUT1'\]\. Please provide all required input\(s\)\.$/,
  ],
  [
    'a name that the model does not have',
    INFER,
    simpleBody({}, { name: 'INPUT1' }),
    400,
    /^input 'INPUT1' already exists in request$/,
  ],
  [
    'another type',
    INFER,
    simpleBody({}, { datatype: 'INT64' }),
    400,
    /^inference input 'INPUT0' data-type is 'INT64', but model 'simple' expects 'INT32'$/,
  ],
  ['no type', INFER, simpleBody({}, { datatype: 'INT31' }), 400, /^invalid datatype for input INPUT0$/],
  [
    'another shape',
    INFER,
    simpleBody({}, { shape: [1, 8], data: ROW.slice(8) }),
    400,
    /^unexpected shape for input 'INPUT0' for model 'simple'\. Expected \[-1,16\], got \[1,8\]\./,
  ],
  [
    'too many rows',
    INFER,
    simpleBody({}, { shape: [9, 16], data: Array.from({ length: 9 }, () => ROW) }),
    400,
    /^inference request batch-size must be <= 8 for 'simple'$/,
  ],
  [
    'too few values',
    INFER,
    simpleBody({}, { data: [1] }),
    400,
    /^Unable to parse 'data': Shape does not match true shape of 'data' field$/,
  ],
  [
    'a fraction',
    INFER,
    simpleBody({}, { data: ROW.map(() => 0.5) }),
    400,
    /attempt to access JSON non-signed-integer as signed-integer$/,
  ],
  [
    'a negative size',
    INFER,
    simpleBody({}, { shape: [-1, 16] }),
    400,
    /^Unable to parse 'shape': attempt to access JSON non-unsigned-integer/,
  ],
  [
    'half precision in JSON',
    INFER,
    simpleBody({}, { datatype: 'FP16' }),
    400,
    /^receiving FP16 data via JSON is not supported\. Please use the binary data format for input INPUT0$/,
  ],
  [
    'two sources',
    INFER,
    simpleBody({}, { parameters: { binary_data_size: 4 } }),
    400,
    /^Input must set only one of .* But set 'data' 'binary_data_size'$/,
  ],
  ['no source', INFER, simpleBody({}, { data: undefined }), 400, /But no field is set$/],
  [
    'bytes that did not come',
    INFER,
    simpleBody({}, { data: undefined, parameters: { binary_data_size: 64 } }),
    400,
    /^unexpected size for input 'INPUT0', expecting 64 additional bytes for model 'simple'$/,
  ],
  [
    'an unknown output',
    INFER,
    simpleBody({ outputs: [{ name: 'NOPE' }] }),
    400,
    /^unexpected inference output 'NOPE' for model 'simple'$/,
  ],
  [
    'a reserved parameter',
    INFER,
    simpleBody({ parameters: { triton_x: 1 } }),
    400,
    /^parameter keys starting with 'triton_' are reserved/,
  ],
  [
    'shared memory',
    INFER,
    simpleBody({}, { data: undefined, parameters: { shared_memory_region: 'r', shared_memory_byte_size: 64 } }),
    501,
    /^Client shared memory is disabled\. Start the server with '--allow-client-shm=true' to enable\.$/,
  ],
];

test('refusals: each has the status and the words that clients of Triton know', async (context) => {
  const { app, post } = await open(context);
  for (const [what, path, body, status, text] of refusals) {
    const answer = await post(path, body);
    const { error } = JSON.parse(answer.body.toString()) as { error: string };
    assert.match(error, text, what);
    assert.equal(answer.status, status, what);
  }
  assert.equal(app.requests.length, 0);
});

test('a header length outside the body is refused', async (context) => {
  const { post } = await open(context);
  for (const length of ['-1', '999999', 'x']) {
    const { status, body } = await post(INFER, simpleBody(), { 'inference-header-content-length': length });
    assert.equal(status, 400);
    assert.match(body.toString(), /inference header size should be in range/);
  }
});

test('a failure of the engine keeps its words and gets the status of an internal error', async (context) => {
  const { app, post } = await open(context);
  app.script = () => play([{ type: 'failed', error: { code: 'engine_failed', message: 'it broke' } }]);
  const { status, body } = await post(INFER, simpleBody());
  assert.equal(status, 500);
  assert.equal(body.toString(), '{"error":"it broke"}');
});

test('a decoupled model has no place at the endpoint for one response', async (context) => {
  const { post } = await open(context, { models: [simpleModel({ isDecoupled: true })] });
  const { status, body } = await post(INFER, simpleBody());
  assert.equal(status, 501);
  assert.equal(body.toString(), `{"error":"HTTP end point doesn't support models with decoupled transaction policy"}`);
});

test('two inputs of a batch that differ in rows are refused', async (context) => {
  const { post } = await open(context);
  const [first, second] = [int32Tensor('INPUT0', [1, 16], ROW), int32Tensor('INPUT1', [2, 16], [...ROW, ...ROW])];
  const inputs = [first, second].map(({ name, datatype, shape, data }) => ({
    name,
    datatype,
    shape,
    data: [...new Int32Array(data.buffer)],
  }));
  const { body } = await post(INFER, JSON.stringify({ inputs }));
  assert.equal(body.toString(), `{"error":"input 'INPUT1' batch size does not match other inputs for 'simple'"}`);
});
