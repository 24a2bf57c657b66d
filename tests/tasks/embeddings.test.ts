import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import OpenAI from 'openai';
import { cosine, minilmVectors } from '../support/minilm-vectors.ts';
import { API_KEY, serve, type Served } from '../support/serve.ts';
import { obtainModel } from '../support/test-model.ts';

const [first, second] = minilmVectors;

describe('an embedding model behind the stock client', () => {
  let served: Served;
  let client: OpenAI;
  const model = 'minilm';

  before(async () => {
    const { folderPath } = await obtainModel(model);
    served = await serve({ config: { models: [{ name: model, source: folderPath }] } });
    client = new OpenAI({ baseURL: `${served.url}/v1`, apiKey: API_KEY, maxRetries: 0 });
  });
  after(() => served?.stop());

  const post = async (path: string, body: unknown): Promise<{ status: number; headers: Headers; json: unknown }> => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${API_KEY}` };
    const response = await fetch(served.url + path, { method: 'POST', headers, body: JSON.stringify(body) });
    return { status: response.status, headers: response.headers, json: await response.json() };
  };

  test('vectors are those of sentence-transformers, in base64 as the client asks for them', async () => {
    const texts = minilmVectors.slice(0, 3);
    const answer = await client.embeddings.create({ model, input: texts.map(({ text }) => text) });
    assert.equal(answer.data.length, 3);
    for (const [index, { text, vector }] of texts.entries())
      assert.ok(1 - cosine(answer.data[index]?.embedding ?? [], vector) < 1e-3, text);
    assert.deepEqual(answer.usage, { prompt_tokens: 30, total_tokens: 30, plinth: { version: '1' } });
  });

  test('numbers and base64 are the same values', async () => {
    const input = first?.text ?? '';
    const numbers = await client.embeddings.create({ model, input, encoding_format: 'float' });
    const coded = await client.embeddings.create({ model, input });
    assert.deepEqual(numbers.data[0]?.embedding, coded.data[0]?.embedding);
  });

  test('fewer dimensions are the first ones, of unit length again', async () => {
    const input = first?.text ?? '';
    const short = (await client.embeddings.create({ model, input, dimensions: 64 })).data[0]?.embedding ?? [];
    assert.equal(short.length, 64);
    assert.ok(1 - cosine(short, first?.vector.slice(0, 64) ?? []) < 1e-3);
    assert.ok(Math.abs(short.reduce((sum, value) => sum + value * value, 0) - 1) < 1e-5);
    await assert.rejects(client.embeddings.create({ model, input, dimensions: 385 }), { status: 400, param: 'dimensions' });
  });

  test('token ids give the vector of their text', async () => {
    const input = [[101, 2169, 6251, 2003, 4991, 102]];
    const answer = await client.embeddings.create({ model, input });
    assert.ok(1 - cosine(answer.data[0]?.embedding ?? [], second?.vector ?? []) < 1e-3);
  });

  test('a text longer than the model reads is refused by name', async () => {
    await assert.rejects(client.embeddings.create({ model, input: ['short', minilmVectors.at(-1)?.text ?? ''] }), {
      status: 400,
      code: 'context_length_exceeded',
      param: 'input[1]',
    });
  });

  test('two hundred texts of many callers come back each to its own', async () => {
    const texts = Array.from(
      { length: 200 },
      (_, index) => `number ${index} of ${index % 7 === 0 ? 'many words more than the others' : 'few'}`,
    );
    const answers = await Promise.all(texts.map((input) => client.embeddings.create({ model, input })));
    const together = await client.embeddings.create({ model, input: texts });
    for (const [index, answer] of answers.entries())
      assert.ok(1 - cosine(answer.data[0]?.embedding ?? [], together.data[index]?.embedding ?? []) < 1e-5, texts[index]);
  });

  test('it does not chat', async () => {
    await assert.rejects(client.chat.completions.create({ model, messages: [{ role: 'user', content: 'Hi' }] }), { status: 400 });
  });

  const documents = ['Bananas are yellow fruits.', 'Berlin is the capital of Germany.', 'Engines burn fuel.'];

  test('it ranks documents by their embeddings and says so', async () => {
    const { headers, json } = await post('/v1/rerank', { model, query: 'What is the capital of Germany?', documents, top_n: 2 });
    const { results, meta } = json as { results: Array<{ index: number; document: unknown }>; meta: { warnings: string[] } };
    assert.deepEqual([results.length, results[0]?.index], [2, 1]);
    assert.deepEqual(results[0]?.document, { text: documents[1] });
    assert.equal(headers.get('x-plinth-ranked-by'), 'embedding');
    assert.match(meta.warnings[0] ?? '', /embedding model/);
  });

  test('TEI’s words are understood without a model’s name', async () => {
    const ranked = await post('/rerank', { query: 'What is the capital of Germany?', texts: documents });
    assert.equal((ranked.json as Array<{ index: number }>)[0]?.index, 1);
    const embedded = await post('/embed', { inputs: first?.text });
    assert.ok(1 - cosine((embedded.json as number[][])[0] ?? [], first?.vector ?? []) < 1e-3);
    const refused = await post('/predict', { inputs: 'x' });
    assert.deepEqual([refused.status, (refused.json as { error_type: string }).error_type], [424, 'Backend']);
  });
});
