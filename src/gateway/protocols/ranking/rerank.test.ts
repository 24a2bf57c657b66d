import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import type { InferenceEvent } from '../../../core/inference/index.ts';
import { FINISHED, play, ScriptedApplication, scriptedModel, usageEvent } from '../scripted-application.ts';
import { registerRanking } from './index.ts';

const app = new ScriptedApplication({
  models: [scriptedModel('ranker', { capabilities: ['score', 'classify'] }), scriptedModel('talker', { capabilities: ['chat'] })],
  protocols: [registerRanking],
});
let base: string;

const scores = (values: readonly number[], by: 'cross-encoder' | 'embedding' = 'cross-encoder'): InferenceEvent[] =>
  values.map((score, index) => ({ type: 'score', index, score, by }));

before(async () => {
  base = `http://127.0.0.1:${await app.listen()}`;
});
after(() => app.close());
beforeEach(() => {
  app.requests.length = 0;
  app.script = () => play([...scores([0.25, 0.75, 0.5]).toReversed(), usageEvent(30, 0), FINISHED]);
});

async function post(path: string, body: unknown): Promise<{ status: number; headers: Headers; json: Record<string, unknown> }> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(base + path, { method: 'POST', headers, body: JSON.stringify(body) });
  return { status: response.status, headers: response.headers, json: (await response.json()) as Record<string, unknown> };
}

const question = { model: 'ranker', query: 'who?', documents: ['a', { text: 'b', id: 7 }, 'c'] };

test('documents come best first, with what they are and what it cost', async () => {
  const { status, headers, json } = await post('/v1/rerank', question);
  assert.equal(status, 200);
  assert.deepEqual(json['results'], [
    { index: 1, relevance_score: 0.75, document: { text: 'b', id: 7 } },
    { index: 2, relevance_score: 0.5, document: { text: 'c' } },
    { index: 0, relevance_score: 0.25, document: { text: 'a' } },
  ]);
  assert.deepEqual(json['usage'], { prompt_tokens: 30, total_tokens: 30 });
  assert.deepEqual(json['meta'], {
    api_version: { version: '1' },
    billed_units: { search_units: 1 },
    tokens: { input_tokens: 30 },
  });
  assert.equal(json['model'], 'ranker');
  assert.equal(headers.get('x-plinth-ranked-by'), 'cross-encoder');
  const [request] = app.requests;
  assert.ok(request?.kind === 'score');
  assert.deepEqual(request.pairs, [
    { first: 'who?', second: 'a' },
    { first: 'who?', second: 'b' },
    { first: 'who?', second: 'c' },
  ]);
  assert.deepEqual([request.scale, request.overlong, request.model], ['probability', 'cut', 'ranker']);
});

test('the second version leaves documents out unless they are asked for', async () => {
  const plain = await post('/v2/rerank', { ...question, top_n: 2 });
  assert.deepEqual(plain.json['results'], [
    { index: 1, relevance_score: 0.75 },
    { index: 2, relevance_score: 0.5 },
  ]);
  assert.deepEqual((plain.json['meta'] as { api_version: unknown }).api_version, { version: '2' });
  const asked = await post('/v2/rerank', { ...question, top_n: 1, return_documents: true });
  assert.deepEqual(asked.json['results'], [{ index: 1, relevance_score: 0.75, document: { text: 'b', id: 7 } }]);
});

test('a caller in Voyage words finds its list and plain documents', async () => {
  const { json } = await post('/v1/rerank', { model: 'ranker', query: 'q', documents: ['a', 'b', 'c'], top_k: 1 });
  assert.deepEqual(json['data'], [{ index: 1, relevance_score: 0.75, document: 'b' }]);
  assert.equal(json['object'], 'list');
});

test('an answer by embeddings says so in its header and in its warnings', async () => {
  app.script = () => play([...scores([0.1, 0.9, 0.2], 'embedding'), usageEvent(3, 0), FINISHED]);
  const { headers, json } = await post('/rerank', question);
  assert.equal(headers.get('x-plinth-ranked-by'), 'embedding');
  assert.match(JSON.stringify((json['meta'] as { warnings: unknown }).warnings), /embedding model/);
});

test('documents are ranked by the fields that are named', async () => {
  const documents = [{ title: 'T', body: 'B', text: 'x' }, { title: 'U' }, { body: 'V' }];
  await post('/v1/rerank', { ...question, documents, rank_fields: ['title', 'body'] });
  const [request] = app.requests;
  assert.ok(request?.kind === 'score');
  assert.deepEqual(
    request.pairs.map((pair) => pair.second),
    ['T\nB', 'U', 'V'],
  );
});

test('texts are answered as TEI answers them', async () => {
  const { json, headers } = await post('/rerank', { query: 'q', texts: ['a', 'b', 'c'], return_text: true, raw_scores: true });
  assert.deepEqual(json, [
    { index: 1, score: 0.75, text: 'b' },
    { index: 2, score: 0.5, text: 'c' },
    { index: 0, score: 0.25, text: 'a' },
  ]);
  assert.equal(headers.get('x-plinth-ranked-by'), 'cross-encoder');
  const [request] = app.requests;
  assert.ok(request?.kind === 'score');
  assert.deepEqual([request.model, request.scale, request.overlong], ['ranker', 'logit', 'refuse']);
});

test('errors speak the words of the caller', async () => {
  const openAi = await post('/v1/rerank', { model: 'ranker', query: 'q', documents: [] });
  assert.equal(openAi.status, 400);
  assert.equal((openAi.json['error'] as { param: string }).param, 'documents');
  const tei = await post('/rerank', { query: 'q', texts: [] });
  assert.equal(tei.status, 422);
  assert.deepEqual(tei.json, {
    error: "'texts' must have at least 1 item, but an empty array came.",
    error_type: 'Validation',
  });
});

test('a failure of the model reaches a TEI caller with the status that TEI gives it', async () => {
  const tooLong = { code: 'context_length_exceeded', message: 'too long' } as const;
  app.script = () => play([{ type: 'failed', error: tooLong }]);
  const { status, json } = await post('/rerank', { query: 'q', texts: ['a'] });
  assert.deepEqual([status, json], [413, { error: 'too long', error_type: 'Validation' }]);
  app.script = () => play([{ type: 'failed', error: { code: 'queue_full', message: 'busy' } }]);
  assert.equal((await post('/rerank', { query: 'q', texts: ['a'] })).status, 429);
});

const refusals: ReadonlyArray<readonly [fields: object, status: number, param: string]> = [
  [{ query: '' }, 400, 'query'],
  [{ query: undefined }, 400, 'query'],
  [{ documents: ['a', {}] }, 400, 'documents[1]'],
  [{ documents: [7] }, 400, 'documents[0]'],
  [{ top_n: 0 }, 400, 'top_n'],
  [{ model: 'nobody' }, 404, 'model'],
  [{ model: 'talker' }, 400, 'model'],
];

for (const [fields, status, param] of refusals) {
  test(`a rerank with ${JSON.stringify(fields)} is refused at ${param}`, async () => {
    const answer = await post('/v1/rerank', { ...question, ...fields });
    assert.equal(answer.status, status);
    assert.equal((answer.json['error'] as { param: string }).param, param);
    assert.equal(app.requests.length, 0);
  });
}

test('a missing answer is a failure, not a gap', async () => {
  app.script = () => play([...scores([0.5, 0.5]), usageEvent(1, 0), FINISHED]);
  const { status, json } = await post('/v1/rerank', question);
  assert.equal(status, 500);
  assert.equal((json['error'] as { code: string }).code, 'engine_failed');
});
