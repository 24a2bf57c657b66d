import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { PlinthError } from '../../../core/errors/index.ts';
import { ScriptedApplication } from '../scripted-application.ts';
import { registerFeedback } from './index.ts';

describe('the endpoint for feedback', () => {
  const app = new ScriptedApplication({ protocols: [registerFeedback] });
  let base: string;
  before(async () => {
    base = `http://127.0.0.1:${await app.listen()}`;
  });
  after(() => app.close());
  beforeEach(() => void (app.opinions.length = 0));
  const post = async (body: unknown) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const response = await fetch(`${base}/v1/feedback`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: text,
    });
    return { status: response.status, json: (await response.json()) as { error?: { param: string; message: string } } };
  };

  const opinions: ReadonlyArray<readonly [body: Readonly<Record<string, unknown>>, score: number, metric: string]> = [
    [{ score: 0.25 }, 0.25, 'rating'],
    [{ score: 0 }, 0, 'rating'],
    [{ score: true }, 1, 'rating'],
    [{ score: false, metric: 'resolved' }, 0, 'resolved'],
    [{ rating: 'up' }, 1, 'rating'],
    [{ rating: 'down', metric: 'tone' }, 0, 'tone'],
  ];
  for (const [body, score, metric] of opinions) {
    test(`${JSON.stringify(body)} is recorded as ${score} of ${metric}`, async () => {
      assert.deepEqual(await post({ request_id: 'r-1', ...body }), { status: 202, json: { status: 'recorded' } });
      const [{ at, ...opinion } = assert.fail('nothing was noted')] = app.opinions;
      assert.deepEqual(opinion, { requestId: 'r-1', score, metric, keyId: 'k', role: 'inference' });
      assert.ok(at > 1e12);
    });
  }

  const refusals: ReadonlyArray<readonly [body: unknown, param: string | null, message: RegExp]> = [
    [{ score: 1 }, 'request_id', /Missing required parameter: 'request_id'/],
    [{ request_id: 'bad id', score: 1 }, 'request_id', /letters, digits/],
    [{ request_id: 'r' }, 'score', /'score' .* or 'rating'/],
    [{ request_id: 'r', score: 1, rating: 'up' }, 'rating', /both came/],
    [{ request_id: 'r', score: 1.5 }, 'score', /at most 1/],
    [{ request_id: 'r', score: 'good' }, 'score', /number or a boolean/],
    [{ request_id: 'r', rating: 'meh' }, 'rating', /one of 'up', 'down'/],
    [{ request_id: 'r', score: 1, metric: '9' }, 'metric', /beginning with a letter/],
    [{ request_id: 'r', score: 1, comment: 'nice' }, 'comment', /'comment' is no field .* request_id, score, rating, metric/],
    [[], null, /must be an object/],
    ['{', null, /not valid JSON/],
  ];
  for (const [body, param, message] of refusals) {
    test(`refuses ${JSON.stringify(body)}`, async () => {
      const { status, json } = await post(body);
      assert.equal(status, 400);
      assert.equal(json.error?.param, param);
      assert.match(json.error?.message ?? '', message);
      assert.deepEqual(app.opinions, []);
    });
  }

  test('an answer that nobody knows is not found, with what answers are known', async (context) => {
    context.mock.method(app, 'feedback', () => Promise.reject(new PlinthError({ code: 'not_found', message: 'gone' })));
    const { status, json } = await post({ request_id: 'r-9', score: 1 });
    assert.equal(status, 404);
    assert.match(json.error?.message ?? '', /'r-9'.*whose versions are compared.*the key that asked/);
  });
});
