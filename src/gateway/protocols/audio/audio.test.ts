import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import OpenAI from 'openai';
import type { InferenceEvent } from '../../../core/inference/index.ts';
import { FINISHED, play, ScriptedApplication, scriptedModel, usageEvent } from '../scripted-application.ts';
import { registerAudio } from './register-audio.ts';

const app = new ScriptedApplication({
  models: [
    scriptedModel('ears', { capabilities: ['transcribe', 'translate'] }),
    scriptedModel('english', { capabilities: ['transcribe'] }),
  ],
  protocols: [registerAudio],
});
let url = '';
let client: OpenAI;
const sound = Buffer.from('sound, for all that the gateway knows');

before(async () => {
  url = `http://127.0.0.1:${await app.listen()}/v1`;
  client = new OpenAI({ apiKey: 'k', baseURL: url, maxRetries: 0 });
});
after(() => app.close());
beforeEach(() => {
  app.requests.length = 0;
  app.script = () => play(transcript);
});

function segment(index: number, start: number, text: string): InferenceEvent {
  const words = [{ word: text.split(' ').slice(0, 2).join(' '), start, end: start + 0.5 }];
  return {
    type: 'transcript-segment',
    segment: {
      index,
      start,
      end: start + 2.5,
      text,
      tokens: [50364, 7, 50489],
      temperature: 0.2,
      averageLogprob: -0.25,
      compressionRatio: 1.5,
      noSpeechProbability: 0.125,
      words,
    },
  };
}

const transcript: readonly InferenceEvent[] = [
  segment(0, 0, ' Good morning.'),
  segment(1, 3722.5, ' Arrows --> point.'),
  { type: 'transcript-report', language: 'de', durationSeconds: 3725.25 },
  usageEvent(9, 5),
  FINISHED,
];
const USAGE = { type: 'duration', seconds: 3726 };

function file(bytes = sound): File {
  return new File([bytes], 'speech.wav', { type: 'audio/wav' });
}

test('a transcript comes as JSON with its text and the length of the sound', async () => {
  const answer = await client.audio.transcriptions.create({ model: 'ears', file: file() });
  assert.deepEqual({ ...answer }, { text: 'Good morning. Arrows --> point.', usage: USAGE });
});

test('the fields of the form arrive in own words', async () => {
  await client.audio.transcriptions.create({
    model: 'ears',
    file: file(),
    language: 'de',
    prompt: 'Grüße',
    temperature: 0.25,
    response_format: 'verbose_json',
    timestamp_granularities: ['word', 'segment'],
  });
  const [request] = app.requests;
  assert.ok(request?.kind === 'transcribe');
  const { audio, id: _id, timeLeftMs, ...rest } = request;
  assert.deepEqual(Buffer.from(audio), sound);
  assert.ok(timeLeftMs > 0);
  assert.deepEqual(rest, {
    kind: 'transcribe',
    model: 'ears',
    task: 'transcribe',
    language: 'de',
    prompt: 'Grüße',
    temperature: 0.25,
    timestamps: 'word',
  });
});

test('a translation asks for English and says that it is', async () => {
  const answer: object = await client.audio.translations.create({ model: 'ears', file: file(), response_format: 'verbose_json' });
  const [request] = app.requests;
  assert.ok(request?.kind === 'transcribe');
  assert.deepEqual([request.task, request.timestamps], ['translate', 'segment']);
  assert.equal((answer as { language?: string }).language, 'english');
});

test('verbose JSON tells language, length, segments and, when asked for, words', async () => {
  const answer = await client.audio.transcriptions.create({
    model: 'ears',
    file: file(),
    response_format: 'verbose_json',
    timestamp_granularities: ['word', 'segment'],
  });
  assert.deepEqual([answer.language, answer.duration, answer.text], ['german', 3725.25, 'Good morning. Arrows --> point.']);
  assert.deepEqual(answer.words, [
    { word: 'Good', start: 0, end: 0.5 },
    { word: 'Arrows', start: 3722.5, end: 3723 },
  ]);
  assert.deepEqual(answer.segments?.[0], {
    id: 0,
    seek: 0,
    start: 0,
    end: 2.5,
    text: ' Good morning.',
    tokens: [50364, 7, 50489],
    temperature: 0.2,
    avg_logprob: -0.25,
    compression_ratio: 1.5,
    no_speech_prob: 0.125,
  });
  assert.deepEqual(answer.usage, USAGE);
  const words = { model: 'ears', file: file(), response_format: 'verbose_json', timestamp_granularities: ['word'] } as const;
  const onlyWords = await client.audio.transcriptions.create({
    ...words,
    timestamp_granularities: [...words.timestamp_granularities],
  });
  assert.deepEqual([onlyWords.segments, onlyWords.words?.length], [undefined, 2]);
});

const plainForms: ReadonlyArray<readonly ['text' | 'srt' | 'vtt', string]> = [
  ['text', 'Good morning. Arrows --> point.\n'],
  ['srt', '1\n00:00:00,000 --> 00:00:02,500\nGood morning.\n\n2\n01:02:02,500 --> 01:02:05,000\nArrows -> point.\n\n'],
  ['vtt', 'WEBVTT\n\n00:00.000 --> 00:02.500\nGood morning.\n\n01:02:02.500 --> 01:02:05.000\nArrows -> point.\n\n'],
];

for (const [format, expected] of plainForms) {
  test(`a transcript comes as ${format}`, async () => {
    const answer: unknown = await client.audio.transcriptions.create({ model: 'ears', file: file(), response_format: format });
    assert.equal(answer, expected);
  });
}

test('a stream brings every segment as a delta and ends with the whole text', async () => {
  const stream = await client.audio.transcriptions.create({ model: 'ears', file: file(), stream: true });
  const events = await Array.fromAsync(stream);
  assert.deepEqual(events, [
    { type: 'transcript.text.delta', delta: 'Good morning.' },
    { type: 'transcript.text.delta', delta: ' Arrows --> point.' },
    { type: 'transcript.text.done', text: 'Good morning. Arrows --> point.', usage: USAGE },
  ]);
});

test('a verbose stream brings the times of segments too', async () => {
  const stream = await client.audio.transcriptions.create({
    model: 'ears',
    file: file(),
    stream: true,
    response_format: 'verbose_json',
  });
  const events = await Array.fromAsync(stream);
  assert.deepEqual(events[1], { type: 'transcript.text.segment', id: 'seg_0', start: 0, end: 2.5, text: 'Good morning.' });
});

test('a failure in a stream is an error of the client, and one before it an HTTP error', async () => {
  const failed: InferenceEvent = { type: 'failed', error: { code: 'replica_lost', message: 'gone' } };
  app.script = async function* () {
    yield segment(0, 0, ' A');
    await nextTurn();
    yield failed;
  };
  const stream = await client.audio.transcriptions.create({ model: 'ears', file: file(), stream: true });
  await assert.rejects(Array.fromAsync(stream), /gone/);
  app.script = () => play([failed]);
  await assert.rejects(
    client.audio.transcriptions.create({ model: 'ears', file: file(), stream: true }),
    OpenAI.InternalServerError,
  );
});

test('a transcript without its report is a failure of the engine', async () => {
  app.script = () => play([segment(0, 0, ' A'), usageEvent(1, 1), FINISHED]);
  await assert.rejects(client.audio.transcriptions.create({ model: 'ears', file: file() }), /did not finish/);
});

interface Refusal {
  readonly status: number;
  readonly code: unknown;
  readonly param: unknown;
}

async function post(path: string, body: RequestInit['body'], headers: Record<string, string> = {}): Promise<Refusal> {
  const response = await fetch(`${url}/audio/${path}`, { method: 'POST', body: body ?? null, headers });
  const { error } = (await response.json()) as { error: { code: unknown; param: unknown } };
  return { status: response.status, code: error.code, param: error.param };
}

function form(fields: Readonly<Record<string, string>>, bytes: Uint8Array<ArrayBuffer> | null = Buffer.from('x')): FormData {
  const data = new FormData();
  for (const [name, value] of Object.entries({ model: 'ears', ...fields })) data.append(name, value);
  if (bytes !== null) data.append('file', new Blob([bytes]), 'a.wav');
  return data;
}

const refusals: ReadonlyArray<readonly [fields: Record<string, string>, param: string, code?: string, status?: number]> = [
  [{ model: 'nobody' }, 'model', 'model_not_found', 404],
  [{ model: '' }, 'model'],
  [{ response_format: 'diarized_json' }, 'response_format', 'unsupported_capability'],
  [{ response_format: 'xml' }, 'response_format'],
  [{ temperature: '1.5' }, 'temperature'],
  [{ temperature: 'warm' }, 'temperature'],
  [{ stream: 'maybe' }, 'stream'],
  [{ stream: 'true', response_format: 'srt' }, 'stream'],
  [{ 'timestamp_granularities[]': 'word' }, 'timestamp_granularities'],
  [{ 'timestamp_granularities[]': 'letter', response_format: 'verbose_json' }, 'timestamp_granularities[0]'],
  [{ 'include[]': 'logprobs' }, 'include', 'unsupported_capability'],
  [{ prompt: 'x'.repeat(70_000) }, 'prompt'],
];

for (const [fields, param, code = 'invalid_request', status = 400] of refusals) {
  test(`a form with ${JSON.stringify(fields).slice(0, 90)} is refused and names ${param}`, async () => {
    assert.deepEqual(await post('transcriptions', form(fields)), { status, code, param });
    assert.equal(app.requests.length, 0);
  });
}

test('a form without a file, or with an empty one, is refused and names it', async () => {
  const expected = { status: 400, code: 'invalid_request', param: 'file' };
  assert.deepEqual(await post('transcriptions', form({}, null)), expected);
  assert.deepEqual(await post('transcriptions', form({}, Buffer.alloc(0))), expected);
});

test('a file that is too large is refused', async () => {
  const answer = await post('transcriptions', form({}, Buffer.alloc(25 * 1024 * 1024 + 1)));
  assert.deepEqual(answer, { status: 413, code: 'body_too_large', param: 'file' });
});

test('a model that knows English only does not translate', async () => {
  const answer = await post('translations', form({ model: 'english' }));
  assert.deepEqual(answer, { status: 400, code: 'unsupported_capability', param: 'model' });
});

test('anything but a form is refused', async () => {
  const answer = await post('transcriptions', '{}', { 'content-type': 'application/json' });
  assert.deepEqual([answer.status, answer.code], [415, 'unsupported_media_type']);
});

for (const [title, body] of [
  ['is cut off', '--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\nabc'],
  ['is nothing of the kind', 'abc'],
  [
    'has too many fields',
    Array.from({ length: 40 }, (_, i) => `--b\r\ncontent-disposition: form-data; name="f${i}"\r\n\r\n1\r\n`).join('') +
      '--b--\r\n',
  ],
  [
    'has two files',
    [1, 2].map(() => '--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\nabc\r\n').join('') + '--b--\r\n',
  ],
] as const) {
  test(`a form that ${title} is refused`, async () => {
    const answer = await post('transcriptions', body, { 'content-type': 'multipart/form-data; boundary=b' });
    assert.equal(answer.status, 400);
    assert.equal(app.requests.length, 0);
  });
}
