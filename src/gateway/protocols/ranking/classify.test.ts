import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { InferenceEvent } from '../../../core/inference/index.ts';
import { FINISHED, play, ScriptedApplication, scriptedModel, usageEvent } from '../scripted-application.ts';
import { registerRanking } from './index.ts';

const models = [
  scriptedModel('moods', { capabilities: ['classify'] }),
  scriptedModel('ranker', { capabilities: ['score', 'classify'] }),
  scriptedModel('vectors', { capabilities: ['embed', 'score'] }),
];

const classification = (index: number): InferenceEvent => ({
  type: 'classification',
  index,
  classes: [
    { classIndex: 1, label: 'glad', score: 0.75 },
    { classIndex: 0, label: 'sad', score: 0.25 },
  ],
});

describe('endpoints for classes, scores and vectors', () => {
  const app = new ScriptedApplication({ models, protocols: [registerRanking] });
  let base: string;
  before(async () => {
    base = `http://127.0.0.1:${await app.listen()}`;
  });
  after(() => app.close());
  beforeEach(() => {
    app.requests.length = 0;
    app.script = (request) => {
      const count = request.kind === 'classify' || request.kind === 'embed' ? request.inputs.length : 0;
      const events = Array.from({ length: count }, (_, index) => classification(index));
      return play([...events, usageEvent(5, 0), FINISHED]);
    };
  });
  const post = async (path: string, body: unknown): Promise<{ status: number; json: unknown }> => {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(base + path, { method: 'POST', headers, body: JSON.stringify(body) });
    return { status: response.status, json: await response.json() };
  };
  const inputsOf = (): unknown => {
    const [request] = app.requests;
    assert.ok(request?.kind === 'classify');
    return request.inputs;
  };

  const best = [
    { score: 0.75, label: 'glad' },
    { score: 0.25, label: 'sad' },
  ];
  const predictions: ReadonlyArray<readonly [inputs: unknown, expected: unknown, answer: unknown]> = [
    ['I like you.', [{ text: 'I like you.' }], best],
    [['I like you.'], [{ text: 'I like you.' }], best],
    [['a', 'b'], [{ text: 'a', pair: 'b' }], best],
    [
      [['a'], ['b', 'c']],
      [{ text: 'a' }, { text: 'b', pair: 'c' }],
      [best, best],
    ],
    [[['a']], [{ text: 'a' }], [best]],
  ];
  for (const [inputs, expected, answer] of predictions) {
    test(`predict reads ${JSON.stringify(inputs)} as TEI does`, async () => {
      const { status, json } = await post('/predict', { model: 'moods', inputs });
      assert.deepEqual([status, json], [200, answer]);
      assert.deepEqual(inputsOf(), expected);
    });
  }

  for (const inputs of [['a', 'b', 'c'], ['a', ['b']], [], [[]], 7]) {
    test(`predict refuses ${JSON.stringify(inputs)} in TEI's words`, async () => {
      const { status, json } = await post('/predict', { model: 'moods', inputs });
      assert.equal(status, 422);
      assert.equal((json as { error_type: string }).error_type, 'Validation');
      assert.equal(app.requests.length, 0);
    });
  }

  test('classify answers as vLLM does, probabilities in the order of the classes', async () => {
    const { json } = await post('/classify', { model: 'moods', input: ['x', 'y'] });
    const { data, usage, object } = json as { data: unknown; usage: { total_tokens: number }; object: string };
    assert.deepEqual(data, [
      { index: 0, label: 'glad', probs: [0.25, 0.75], num_classes: 2 },
      { index: 1, label: 'glad', probs: [0.25, 0.75], num_classes: 2 },
    ]);
    assert.deepEqual([object, usage.total_tokens], ['list', 5]);
  });

  test('classify with inputs is TEI’s predict', async () => {
    assert.deepEqual((await post('/classify', { model: 'moods', inputs: 'x' })).json, best);
  });

  test('scores pair one text with many, or many with as many', async () => {
    app.script = (request) => {
      const pairs = request.kind === 'score' ? request.pairs : [];
      const events = pairs.map((_, index): InferenceEvent => ({ type: 'score', index, score: index, by: 'cross-encoder' }));
      return play([...events, usageEvent(4, 0), FINISHED]);
    };
    const { json } = await post('/score', { model: 'ranker', text_1: 'q', text_2: ['a', 'b'] });
    assert.deepEqual((json as { data: unknown }).data, [
      { index: 0, object: 'score', score: 0 },
      { index: 1, object: 'score', score: 1 },
    ]);
    await post('/v1/score', { model: 'ranker', text_1: ['p', 'q'], text_2: ['a', 'b'], activation: false });
    const [first, second] = app.requests;
    assert.ok(first?.kind === 'score' && second?.kind === 'score');
    assert.deepEqual(first.pairs, [
      { first: 'q', second: 'a' },
      { first: 'q', second: 'b' },
    ]);
    assert.deepEqual(second.pairs, [
      { first: 'p', second: 'a' },
      { first: 'q', second: 'b' },
    ]);
    assert.deepEqual([first.scale, second.scale], ['probability', 'logit']);
    const uneven = await post('/score', { model: 'ranker', text_1: ['p', 'q'], text_2: ['a', 'b', 'c'] });
    assert.deepEqual([uneven.status, (uneven.json as { error: { param: string } }).error.param], [400, 'text_1']);
  });

  test('embed answers a bare list of vectors, of the only model that makes any', async () => {
    const values = Buffer.from(new Float32Array([0.5, -2]).buffer);
    app.script = () => play([{ type: 'embedding', index: 0, values }, usageEvent(1, 0), FINISHED]);
    const { json } = await post('/embed', { inputs: 'x', truncate: true });
    assert.deepEqual(json, [[0.5, -2]]);
    const [request] = app.requests;
    assert.ok(request?.kind === 'embed');
    assert.deepEqual([request.model, request.overlong], ['vectors', 'cut']);
    const refused = await post('/embed', { inputs: 'x', normalize: false });
    assert.equal(refused.status, 422);
  });

  test('where several models could answer the caller must name one', async () => {
    const { status, json } = await post('/score', { text_1: 'a', text_2: 'b' });
    assert.equal(status, 400);
    assert.match(JSON.stringify(json), /several could answer: 'ranker', 'vectors'/);
  });
});
