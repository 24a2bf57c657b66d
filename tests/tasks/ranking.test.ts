import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { API_KEY, serve, type Served } from '../support/serve.ts';
import { TinyModels, WORDS } from '../support/text-models.ts';

const red = WORDS.indexOf('red');
const blue = WORDS.indexOf('blue');
const sigmoid = (logit: number): number => 1 / (1 + Math.exp(-logit));

/** A document scores twice the number of its word, and the query once. */
const scoring = WORDS.map((_, id) => [id < 4 ? 0 : id / 10]);
const moods = WORDS.map((word) => [word === 'red' ? 2 : 0, word === 'blue' ? 2 : 0]);
const architectures = ['BertForSequenceClassification'];

describe('a cross-encoder and a classifier, served from folders as they are', () => {
  const models = new TinyModels();
  let served: Served;

  before(async () => {
    const ranker = models.write({ task: 'score', weights: scoring, config: { architectures, id2label: { '0': 'LABEL_0' } } });
    const feeler = models.write({
      task: 'classify',
      weights: moods,
      config: { architectures, id2label: { '0': 'warm', '1': 'cold' } },
    });
    const sources = [
      { name: 'ranker', source: ranker },
      { name: 'feeler', source: feeler },
    ];
    served = await serve({ config: { models: sources } });
  });
  after(async () => {
    await served?.stop();
    models.close();
  });

  const post = async (path: string, body: unknown): Promise<{ headers: Headers; json: unknown }> => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${API_KEY}` };
    const response = await fetch(served.url + path, { method: 'POST', headers, body: JSON.stringify(body) });
    return { headers: response.headers, json: await response.json() };
  };
  const near = (value: unknown, expected: number): void =>
    assert.ok(Math.abs(Number(value) - expected) < 1e-5, `${String(value)} ≠ ${expected}`);

  test('documents are ranked by reading each with the query', async () => {
    const { headers, json } = await post('/v2/rerank', { model: 'ranker', query: 'red', documents: ['red', 'blue', 'green'] });
    const { results, meta } = json as { results: Array<{ index: number; relevance_score: number }>; meta: object };
    assert.deepEqual(
      results.map((result) => result.index),
      [1, 2, 0],
    );
    near(results[0]?.relevance_score, sigmoid((red + 2 * blue) / 10));
    assert.equal(headers.get('x-plinth-ranked-by'), 'cross-encoder');
    assert.equal('warnings' in meta, false);
  });

  test('scores come raw when that is asked for', async () => {
    const { json } = await post('/score', { model: 'ranker', text_1: 'red', text_2: 'blue', use_activation: false });
    near((json as { data: Array<{ score: number }> }).data[0]?.score, (red + 2 * blue) / 10);
  });

  test('classes have their names and probabilities in every dialect', async () => {
    const vllm = (await post('/classify', { model: 'feeler', input: ['red', 'blue'] })).json as {
      data: Array<{ label: string; probs: number[] }>;
    };
    assert.deepEqual(
      vllm.data.map((entry) => entry.label),
      ['warm', 'cold'],
    );
    near(vllm.data[0]?.probs[0], sigmoid(2));
    const tei = (await post('/predict', { model: 'feeler', inputs: 'blue' })).json as Array<{ label: string; score: number }>;
    assert.deepEqual(
      tei.map((entry) => entry.label),
      ['cold', 'warm'],
    );
    near(tei[0]?.score, sigmoid(2));
  });

  test('a pair that is longer than the model reads is cut for Cohere and refused for TEI', async () => {
    const long = 'blue '.repeat(50);
    const cut = (await post('/v1/rerank', { model: 'ranker', query: 'red', documents: [long] })).json as { results: unknown[] };
    assert.equal(cut.results.length, 1);
    const refused = (await post('/rerank', { model: 'ranker', query: 'red', texts: [long] })).json as { error_type: string };
    assert.equal(refused.error_type, 'Validation');
  });
});
