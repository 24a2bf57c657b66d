import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import OpenAI from 'openai';
import type { InferenceEvent } from '../../../core/inference/index.ts';
import { FINISHED, play, ScriptedApplication, scriptedModel, usageEvent } from '../scripted-application.ts';

const app = new ScriptedApplication({ models: [scriptedModel('tiny'), scriptedModel('talker', { capabilities: ['chat'] })] });
let client: OpenAI;

before(async () => {
  client = new OpenAI({ apiKey: 'k', baseURL: `http://127.0.0.1:${await app.listen()}/v1`, maxRetries: 0 });
});
after(() => app.close());
beforeEach(() => {
  app.requests.length = 0;
  app.script = () => play([vector(1, [4, -0.5]), vector(0, [0.25, 3]), usageEvent(6, 0), FINISHED]);
});

/** At an odd offset, as it may lie in a frame. */
function vector(index: number, values: readonly number[]): InferenceEvent {
  const bytes = Buffer.alloc(1 + 4 * values.length);
  values.forEach((value, at) => bytes.writeFloatLE(value, 1 + 4 * at));
  return { type: 'embedding', index, values: bytes.subarray(1) };
}

for (const encoding of ['float', 'base64', undefined] as const) {
  test(`vectors come in the order of the inputs (encoding_format ${encoding})`, async () => {
    const format = encoding === undefined ? {} : { encoding_format: encoding };
    const answer = await client.embeddings.create({ model: 'tiny', input: ['a', 'b'], ...format });
    const toNumbers = (value: number[] | string): number[] =>
      typeof value === 'string' ? [...new Float32Array(new Uint8Array(Buffer.from(value, 'base64')).buffer)] : value;
    assert.deepEqual(
      answer.data.map((entry) => [entry.object, entry.index, toNumbers(entry.embedding)]),
      [
        ['embedding', 0, [0.25, 3]],
        ['embedding', 1, [4, -0.5]],
      ],
    );
    const usage = { prompt_tokens: 6, total_tokens: 6, plinth: { version: '1' } };
    assert.deepEqual([answer.object, answer.model, answer.usage], ['list', 'tiny', usage]);
  });
}

test('inputs and dimensions arrive in own words', async () => {
  await client.embeddings.create({ model: 'tiny', input: [[1, 2], [3]], dimensions: 2 });
  const request = app.requests[0];
  assert.ok(request?.kind === 'embed');
  assert.deepEqual(request.inputs, [
    { type: 'tokens', tokens: [1, 2] },
    { type: 'tokens', tokens: [3] },
  ]);
  assert.equal(request.dimensions, 2);
});

const refusals: ReadonlyArray<readonly [fields: object, param: string, code?: string]> = [
  [{ input: undefined }, 'input'],
  [{ input: '' }, 'input'],
  [{ input: [] }, 'input'],
  [{ input: ['a', ''] }, 'input[1]'],
  [{ input: [[]] }, 'input[0]'],
  [{ input: {} }, 'input'],
  [{ encoding_format: 'hex' }, 'encoding_format'],
  [{ dimensions: 0 }, 'dimensions'],
  [{ dimensions: 5 }, 'dimensions'],
  [{ dimensions: '2' }, 'dimensions'],
  [{ model: 'talker' }, 'model', 'unsupported_capability'],
];

for (const [fields, param, code = 'invalid_request'] of refusals) {
  test(`an embedding with ${JSON.stringify(fields)} is refused and names ${param}`, async () => {
    const creation = client.post('/embeddings', { body: { model: 'tiny', input: 'a', ...fields } });
    await assert.rejects(creation, (error) => {
      assert.ok(error instanceof OpenAI.BadRequestError);
      assert.deepEqual([error.param, error.code], [param, code]);
      return true;
    });
  });
}

test('a missing or broken vector is a failure of the engine', async () => {
  app.script = () => play([vector(0, [1]), usageEvent(1, 0), FINISHED]);
  await assert.rejects(client.embeddings.create({ model: 'tiny', input: ['a', 'b'] }), OpenAI.InternalServerError);
  app.script = () => play([vector(0, [Number.NaN]), usageEvent(1, 0), FINISHED]);
  const creation = client.embeddings.create({ model: 'tiny', input: 'a', encoding_format: 'float' });
  await assert.rejects(creation, (error) => error instanceof OpenAI.APIError && error.code === 'engine_failed');
});
