import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { EmbedRequest, GenerateRequest, TensorRequest } from '../../../core/inference/index.ts';
import {
  choiceFinished,
  FINISHED,
  play,
  scriptedModel,
  textEvent,
  usageEvent,
  type ScriptedApplication,
} from '../scripted-application.ts';
import {
  int32Tensor,
  scriptedTensors,
  simpleModel,
  tensorEvents,
  tensorModel,
  type ScriptedTensorsOptions,
} from './scripted-tensors.ts';

const LANGUAGE = { ...scriptedModel('tiny'), replicas: [{ id: 'r', state: 'ready', socketPath: '', slots: 1 }] } as const;
const EMBEDDER = { ...scriptedModel('vectors', { capabilities: ['embed'] }), replicas: LANGUAGE.replicas };

interface Asked {
  readonly app: ScriptedApplication;
  post(path: string, body: unknown): Promise<Response>;
}

async function open(context: TestContext, options: ScriptedTensorsOptions = {}): Promise<Asked> {
  const app = scriptedTensors({ models: [LANGUAGE, EMBEDDER, simpleModel()], ...options });
  const port = await app.listen();
  context.after(() => app.close());
  app.script = () => play([textEvent('Hello'), textEvent(' you'), choiceFinished(), usageEvent(1, 2), FINISHED]);
  return {
    app,
    post: (path, body) =>
      fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) }),
  };
}

test('a language model answers generate with one text, and takes options at the top, inside parameters and as JSON', async (context) => {
  const { app, post } = await open(context);
  const response = await post('/v2/models/tiny/generate', {
    id: 'a',
    text_input: 'Hi',
    max_tokens: 5,
    parameters: {
      temperature: '0.5',
      stop: ['\n'],
      exclude_input_in_output: true,
      sampling_parameters: '{"top_k":3,"temperature":1}',
    },
  });
  assert.equal(response.headers.get('content-type'), 'application/json; charset=utf-8');
  assert.equal(await response.text(), '{"id":"a","model_name":"tiny","model_version":"1","text_output":"Hello you"}');
  const request = app.requests[0] as GenerateRequest;
  assert.deepEqual(request.prompts, [{ type: 'text', text: 'Hi' }]);
  assert.equal(request.maxTokens, 5);
  assert.deepEqual(request.stop, ['\n']);
  assert.equal(request.sampling.temperature, 0.5);
  assert.equal(request.sampling.topK, 3);
  assert.equal(request.echoesPrompt, false);
});

test('a text that is not streamed has its prompt before it, as Triton has it, a streamed one has not', async (context) => {
  const { app, post } = await open(context);
  await post('/v2/models/tiny/generate', { text_input: 'Hi' });
  await (await post('/v2/models/tiny/generate_stream', { text_input: 'Hi' })).text();
  assert.deepEqual(
    app.requests.map((request) => (request as GenerateRequest).echoesPrompt),
    [true, false],
  );
});

test('generate_stream sends an event for every piece and nothing after the last', async (context) => {
  const { post } = await open(context);
  const response = await post('/v2/models/tiny/generate_stream', { text_input: 'Hi' });
  assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
  const event = (text: string): string => `data: {"model_name":"tiny","model_version":"1","text_output":"${text}"}\n\n`;
  assert.equal(await response.text(), event('Hello') + event(' you'));
});

test('a failure after the first piece is an event, one before it an HTTP error', async (context) => {
  const { app, post } = await open(context);
  app.script = async function* () {
    yield textEvent('He');
    await nextTurn();
    yield { type: 'failed', error: { code: 'engine_failed', message: 'broken' } };
  };
  assert.match(
    await (await post('/v2/models/tiny/generate_stream', { text_input: 'Hi' })).text(),
    /\n\ndata: \{"error":"broken"\}\n\n$/,
  );
  app.script = () => play([{ type: 'failed', error: { code: 'queue_full', message: 'full' } }]);
  const early = await post('/v2/models/tiny/generate_stream', { text_input: 'Hi' });
  assert.equal(early.status, 503);
  assert.equal(await early.text(), '{"error":"full"}');
});

test('generate refuses an answer of several responses', async (context) => {
  const { post } = await open(context);
  const response = await post('/v2/models/tiny/generate', { text_input: 'Hi', stream: true });
  assert.equal(response.status, 400);
  assert.match(await response.text(), /generate expects model to produce exactly 1 response/);
});

test('names of inputs become tensors of a tensor model, other names its parameters', async (context) => {
  const model = tensorModel('sum', {
    inputs: [
      { name: 'A', datatype: 'INT32', dims: [-1, 2] },
      { name: 'B', datatype: 'BYTES', dims: [1] },
    ],
    outputs: [{ name: 'O', datatype: 'INT32', dims: [1] }],
  });
  const { app, post } = await open(context, { models: [model] });
  app.script = () => play(tensorEvents(int32Tensor('O', [1, 1], [7]), int32Tensor('P', [2], [1, 2])));
  const response = await post('/v2/models/sum/generate', { A: [1, 2, 3, 4], B: 'x', mode: 'fast' });
  assert.deepEqual(await response.json(), { model_name: 'sum', model_version: '1', O: 7, P: [1, 2] });
  const request = app.requests[0] as TensorRequest;
  assert.deepEqual(
    request.inputs.map(({ shape }) => shape),
    [
      [1, 2, 2],
      [1, 1],
    ],
  );
  assert.deepEqual(request.parameters, { mode: 'fast' });
  const odd = await post('/v2/models/sum/generate', { A: [1, 2, 3], B: 'x' });
  assert.match(await odd.text(), /The schema can not convert input 'A' to tensor with proper shape/);
});

const badBodies: ReadonlyArray<readonly [body: unknown, text: RegExp]> = [
  [{}, /missing required input\(s\) \['text_input'\]/],
  [{ text_input: 7 }, /attempt to access JSON non-string as string/],
  [{ text_input: 'a', temperature: 9 }, /'temperature' must be a number from 0 to 2, but 9 came/],
  [{ text_input: 'a', stream: 'maybe' }, /'stream' must be true or false/],
  [{ text_input: 'a', seed: 0.5 }, /'seed' must be a whole number/],
  [{ text_input: 'a', sampling_parameters: '[' }, /'sampling_parameters' is not valid JSON/],
  [{ text_input: 'a', parameters: 3 }, /attempt to access JSON non-object as object/],
  [{ text_input: 'a', beam_width: 4 }, /'beam_width' must be a number from 1 to 1/],
  [{ text_input: ['a', 'b'] }, /The schema can not convert input 'text_input'/],
  ['[]', /non-object/],
];

test('bodies that make no sense are refused with the name of what is wrong', async (context) => {
  const { app, post } = await open(context);
  for (const [body, text] of badBodies) {
    const response = await post('/v2/models/tiny/generate', body);
    assert.equal(response.status, 400);
    assert.match(await response.text(), text);
  }
  assert.equal(app.requests.length, 0);
});

test('an embedding model takes texts and gives a row for each', async (context) => {
  const { app, post } = await open(context);
  const values = (value: number): Uint8Array => new Uint8Array(Float32Array.from([value, 0, 0, 0]).buffer);
  app.script = () =>
    play([
      { type: 'embedding', index: 1, values: values(2) },
      { type: 'embedding', index: 0, values: values(1) },
      usageEvent(2, 0),
      FINISHED,
    ]);
  const inputs = [{ name: 'text_input', datatype: 'BYTES', shape: [2], data: ['a', 'b'] }];
  const response = await post('/v2/models/vectors/infer', { inputs });
  const { outputs } = (await response.json()) as { outputs: unknown[] };
  assert.deepEqual(outputs, [{ name: 'embedding', datatype: 'FP32', shape: [2, 4], data: [1, 0, 0, 0, 2, 0, 0, 0] }]);
  assert.deepEqual((app.requests[0] as EmbedRequest).inputs, [
    { type: 'text', text: 'a' },
    { type: 'text', text: 'b' },
  ]);
});

test('a language model has no place at the endpoint for one response', async (context) => {
  const { post } = await open(context);
  const inputs = [{ name: 'text_input', datatype: 'BYTES', shape: [1], data: ['a'] }];
  assert.equal((await post('/v2/models/tiny/infer', { inputs })).status, 501);
});
