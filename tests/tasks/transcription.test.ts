import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import OpenAI from 'openai';
import { API_KEY, serve, type Served } from '../support/serve.ts';
import { obtainSpeech, SPOKEN } from '../support/speech-sample.ts';
import { obtainModel } from '../support/test-model.ts';

describe('a speech model behind the stock client', () => {
  let served: Served;
  let client: OpenAI;
  let speech: Buffer;
  const model = 'whisper-tiny';

  before(async () => {
    speech = await obtainSpeech();
    const { folderPath } = await obtainModel(model);
    served = await serve({ config: { models: [{ name: model, source: folderPath, task: 'transcribe' }] } });
    client = new OpenAI({ baseURL: `${served.url}/v1`, apiKey: API_KEY, maxRetries: 0 });
  });
  after(() => served?.stop());

  const file = (): File => new File([new Uint8Array(speech)], 'speech.wav');

  test('what was said comes back as text', async () => {
    const answer = await client.audio.transcriptions.create({ model, file: file() });
    assert.deepEqual({ ...answer }, { text: SPOKEN, usage: { type: 'duration', seconds: 11 } });
  });

  test('a stream ends with the whole text', async () => {
    const stream = await client.audio.transcriptions.create({ model, file: file(), language: 'en', stream: true });
    const events = await Array.fromAsync(stream);
    const deltas = events.flatMap((event) => (event.type === 'transcript.text.delta' ? [event.delta] : []));
    const last = events.at(-1);
    assert.ok(last?.type === 'transcript.text.done');
    assert.equal(last.text, SPOKEN);
    assert.equal(deltas.join(''), SPOKEN);
  });

  test('verbose JSON has the language, segments and words', async () => {
    const answer = await client.audio.transcriptions.create({
      model,
      file: file(),
      response_format: 'verbose_json',
      timestamp_granularities: ['word', 'segment'],
    });
    assert.deepEqual([answer.language, answer.duration], ['english', 11]);
    assert.ok(answer.words?.some(({ word, start }) => word === 'country' && start > 5 && start < 7));
    assert.ok((answer.segments?.length ?? 0) > 0);
  });

  test('subtitles are made', async () => {
    const answer: unknown = await client.audio.transcriptions.create({
      model,
      file: file(),
      response_format: 'vtt',
      language: 'en',
    });
    assert.match(String(answer), /^WEBVTT\n\n00:00\.000 --> 00:\d\d\.\d{3}\n.*fellow Americans/);
  });

  test('many callers at once all get the same text, and one with a broken file spoils nothing', async () => {
    const broken = client.audio.transcriptions.create({ model, file: new File([speech.subarray(0, 5000)], 'a.wav') });
    const refused = assert.rejects(broken, { status: 400, param: 'file', code: 'invalid_request' });
    const calls = Array.from({ length: 4 }, () => client.audio.transcriptions.create({ model, file: file(), language: 'en' }));
    for (const { text } of await Promise.all(calls)) assert.equal(text, SPOKEN);
    await refused;
  });

  test('a model that only listens does not chat', async () => {
    const chat = client.chat.completions.create({ model, messages: [{ role: 'user', content: 'Hi' }] });
    await assert.rejects(chat, { status: 400, code: 'unsupported_capability' });
  });
});
