import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import type { InferenceEvent } from '../../../core/inference/index.ts';
import { FINISHED, play, ScriptedApplication, scriptedModel } from '../scripted-application.ts';
import { registerVision } from './register-vision.ts';

const app = new ScriptedApplication({
  models: [
    scriptedModel('namer', { capabilities: ['classify-image'] }),
    scriptedModel('finder', { capabilities: ['detect-objects'] }),
    scriptedModel('reader', { capabilities: ['read-text'] }),
  ],
  protocols: [registerVision],
});
const picture = Buffer.from('a picture, for all that the gateway knows');
const parts: { url: string } = { url: '' };

before(async () => {
  parts.url = `http://127.0.0.1:${await app.listen()}/v1/vision`;
});
after(() => app.close());
beforeEach(() => {
  app.requests.length = 0;
});

function answerWith(...events: InferenceEvent[]): void {
  app.script = () => play([...events, FINISHED]);
}

async function post(path: string, body: object): Promise<{ status: number; body: Record<string, unknown> }> {
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const answer = await fetch(`${parts.url}/${path}`, init);
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

test('a data URL, plain base64 and a form bring the same picture', async () => {
  answerWith({ type: 'classification', index: 0, classes: [{ classIndex: 3, label: 'cat', score: 0.75 }] });
  const base64 = picture.toString('base64');
  const form = new FormData();
  for (const [name, value] of [
    ['model', 'namer'],
    ['top_k', '2'],
    ['threshold', '0.5'],
  ] as const)
    form.append(name, value);
  form.append('image', new Blob([picture]), 'cat.png');
  const answers = [
    await post('classify', { model: 'namer', image: `data:image/png;base64,${base64}`, top_k: 2, threshold: 0.5 }),
    await post('classify', { model: 'namer', image: base64, top_k: 2, threshold: 0.5 }),
    { body: await (await fetch(`${parts.url}/classify`, { method: 'POST', body: form })).json() },
  ];
  for (const { body } of answers)
    assert.deepEqual(body, { object: 'list', model: 'namer', data: [{ label: 'cat', score: 0.75, class_index: 3 }] });
  for (const request of app.requests) {
    assert.ok(request.kind === 'recognize');
    assert.deepEqual([Buffer.from(request.image).toString(), request.top, request.threshold], [picture.toString(), 2, 0.5]);
  }
  assert.equal(app.requests.length, 3);
});

test('findings come with their boxes, texts with their corners', async () => {
  answerWith({ type: 'object-found', label: 'dog', score: 0.5, box: [1, 2, 3, 4] });
  const found = await post('detect', { model: 'finder', image: picture.toString('base64') });
  assert.deepEqual(found.body['data'], [{ label: 'dog', score: 0.5, box: { xmin: 1, ymin: 2, xmax: 3, ymax: 4 } }]);
  answerWith({
    type: 'text-found',
    text: 'STOP',
    score: 0.5,
    corners: [
      [1, 2],
      [3, 2],
      [3, 4],
      [1, 4],
    ],
  });
  const read = await post('read', { model: 'reader', image: picture.toString('base64') });
  assert.deepEqual(read.body['data'], [
    {
      text: 'STOP',
      score: 0.5,
      corners: [
        [1, 2],
        [3, 2],
        [3, 4],
        [1, 4],
      ],
    },
  ]);
});

const image = picture.toString('base64');
const refusals: ReadonlyArray<readonly [what: string, path: string, body: object, status: number, param: string]> = [
  ['no picture', 'classify', { model: 'namer' }, 400, 'image'],
  ['no model', 'classify', { image }, 400, 'model'],
  ['an unknown model', 'classify', { model: 'nobody', image }, 404, 'model'],
  ['a model for something else', 'classify', { model: 'finder', image }, 400, 'model'],
  ['an address', 'classify', { model: 'namer', image: 'http://127.0.0.1/cat.png' }, 400, 'image'],
  ['text that is no base64', 'classify', { model: 'namer', image: '((((' }, 400, 'image'],
  ['a threshold above one', 'detect', { model: 'finder', image, threshold: 2 }, 400, 'threshold'],
  ['a top_k of nothing', 'detect', { model: 'finder', image, top_k: 0 }, 400, 'top_k'],
];

for (const [what, path, body, status, param] of refusals) {
  test(`${what} is refused with the name of the field`, async () => {
    const answer = await post(path, body);
    const error = answer.body['error'] as Record<string, unknown>;
    assert.deepEqual([answer.status, error['param']], [status, param]);
    assert.equal(app.requests.length, 0);
  });
}

test('a form without a file is refused with the name of the field', async () => {
  const form = new FormData();
  form.append('model', 'namer');
  const answer = await fetch(`${parts.url}/classify`, { method: 'POST', body: form });
  assert.deepEqual([answer.status, ((await answer.json()) as { error: { param: string } }).error.param], [400, 'image']);
});
