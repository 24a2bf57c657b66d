import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import OpenAI from 'openai';
import type { GenerateRequest, InferenceEvent, TokenLogprobs } from '../../../core/inference/index.ts';
import {
  choiceFinished,
  FINISHED,
  play,
  ScriptedApplication,
  scriptedModel,
  textEvent,
  usageEvent,
} from '../scripted-application.ts';

const app = new ScriptedApplication({
  models: [scriptedModel('tiny'), scriptedModel('chatter', { capabilities: ['chat', 'completion'] })],
});
let client: OpenAI;
const ask = { model: 'tiny', prompt: 'Once' };

before(async () => {
  client = new OpenAI({ apiKey: 'k', baseURL: `http://127.0.0.1:${await app.listen()}/v1`, maxRetries: 0 });
});
after(() => app.close());
beforeEach(() => {
  app.requests.length = 0;
  answerWith(choiceFinished(), usageEvent(1, 0), FINISHED);
});

function answerWith(...events: InferenceEvent[]): void {
  app.script = () => play(events);
}

/** What the door was asked for a body. */
async function requestFor(fields: object): Promise<GenerateRequest> {
  await client.post('/completions', { body: { ...ask, ...fields } });
  const request = app.requests.at(-1);
  assert.ok(request?.kind === 'generate');
  return request;
}

test('a completion folds into one body', async () => {
  answerWith(textEvent(' upon'), textEvent(' a time'), choiceFinished(0, 'length'), usageEvent(1, 4), FINISHED);
  const answer = await client.completions.create(ask);
  assert.match(answer.id, /^cmpl-/);
  assert.equal(answer.object, 'text_completion');
  assert.deepEqual(answer.choices, [{ text: ' upon a time', index: 0, logprobs: null, finish_reason: 'length' }]);
  assert.equal(answer.usage?.total_tokens, 5);
});

test('prompts may be a text, texts, tokens and lists of tokens', async () => {
  assert.deepEqual((await requestFor({ prompt: 'a' })).prompts, [{ type: 'text', text: 'a' }]);
  assert.deepEqual((await requestFor({ prompt: ['a', 'b'] })).prompts, [
    { type: 'text', text: 'a' },
    { type: 'text', text: 'b' },
  ]);
  assert.deepEqual((await requestFor({ prompt: [1, 2] })).prompts, [{ type: 'tokens', tokens: [1, 2] }]);
  assert.deepEqual((await requestFor({ prompt: [[1], [2, 3]] })).prompts, [
    { type: 'tokens', tokens: [1] },
    { type: 'tokens', tokens: [2, 3] },
  ]);
});

test('more than 2048 token ids are one prompt', async () => {
  const tokens = Array.from({ length: 3000 }, (_, index) => index);
  assert.equal((await requestFor({ prompt: tokens })).prompts.length, 1);
});

test('completions stop after 16 tokens unless told otherwise', async () => {
  assert.equal((await requestFor({})).maxTokens, 16);
  assert.equal((await requestFor({ max_tokens: 0 })).maxTokens, 0);
});

test('echo, suffix, logprobs and a best_of of n arrive in own words', async () => {
  const request = await requestFor({ echo: true, suffix: '.', logprobs: 0, n: 2, best_of: 2 });
  assert.deepEqual(
    [request.echoesPrompt, request.prompts, request.topLogprobs, request.choiceCount],
    [true, [{ type: 'text', text: 'Once', suffix: '.' }], 0, 2],
  );
});

const refusals: ReadonlyArray<readonly [fields: object, param: string, code?: string]> = [
  [{ prompt: undefined }, 'prompt'],
  [{ prompt: null }, 'prompt'],
  [{ prompt: 5 }, 'prompt'],
  [{ prompt: [] }, 'prompt'],
  [{ prompt: [[]] }, 'prompt[0]'],
  [{ prompt: ['a', 1] }, 'prompt[1]'],
  [{ prompt: [1, 'a'] }, 'prompt[1]'],
  [{ prompt: [[1], 'a'] }, 'prompt[1]'],
  [{ prompt: [-1] }, 'prompt[0]'],
  [{ prompt: [1.5] }, 'prompt[0]'],
  [{ prompt: [[1, 'a']] }, 'prompt[0][1]'],
  [{ prompt: Array.from({ length: 2049 }, () => 'a') }, 'prompt'],
  [{ prompt: Array.from({ length: 100 }, () => 'a'), n: 128 }, 'n'],
  [{ max_tokens: -1 }, 'max_tokens'],
  [{ logprobs: 6 }, 'logprobs'],
  [{ logprobs: true }, 'logprobs'],
  [{ echo: 'yes' }, 'echo'],
  [{ suffix: 5 }, 'suffix'],
  [{ prompt: [1], suffix: 'x' }, 'suffix'],
  [{ n: 2, best_of: 1 }, 'best_of'],
  [{ best_of: 2 }, 'best_of', 'unsupported_capability'],
  [{ model: 'chatter', suffix: 'x' }, 'suffix', 'unsupported_capability'],
];

for (const [fields, param, code = 'invalid_request'] of refusals) {
  test(`a completion with ${JSON.stringify(fields).slice(0, 80)} is refused and names ${param}`, async () => {
    await assert.rejects(requestFor(fields), (error) => {
      assert.ok(error instanceof OpenAI.BadRequestError);
      assert.deepEqual([error.param, error.code], [param, code]);
      return true;
    });
  });
}

test('a batch of prompts times n numbers its choices in the order of the prompts', async () => {
  answerWith(
    ...[3, 1, 0, 2].flatMap((choice) => [textEvent(`<${choice}>`, choice), choiceFinished(choice)]),
    usageEvent(2, 4),
    FINISHED,
  );
  const answer = await client.completions.create({ ...ask, prompt: ['a', 'b'], n: 2 });
  assert.deepEqual(
    answer.choices.map((choice) => [choice.index, choice.text]),
    [0, 1, 2, 3].map((index) => [index, `<${index}>`]),
  );
});

const bytesOf = (text: string): number[] => [...Buffer.from(text)];
const plain = (text: string, logprob: number | null): TokenLogprobs => ({ text, bytes: bytesOf(text), logprob, top: [] });
const scored: InferenceEvent[] = [
  {
    type: 'text-delta',
    choice: 0,
    text: 'Añ',
    logprobs: [plain('A', null), { ...plain('ñ', -1), top: [{ text: 'n', bytes: bytesOf('n'), logprob: -0.1 }] }],
  },
  {
    type: 'text-delta',
    choice: 0,
    text: '👋!',
    logprobs: [
      { text: '', bytes: [0xf0, 0x9f], logprob: -2, top: [] },
      { text: '👋', bytes: [0x91, 0x8b], logprob: -3, top: [] },
      plain('!', Number.NEGATIVE_INFINITY),
    ],
  },
  choiceFinished(),
  usageEvent(1, 4),
  FINISHED,
];
const columns = {
  tokens: ['A', 'ñ', 'bytes:\\xf0\\x9f', 'bytes:\\x91\\x8b', '!'],
  token_logprobs: [null, -1, -2, -3, -9999],
  top_logprobs: [null, { n: -0.1, ñ: -1 }, { 'bytes:\\xf0\\x9f': -2 }, { 'bytes:\\x91\\x8b': -3 }, { '!': -9999 }],
  text_offset: [0, 1, 2, 2, 3],
};

test('log-probabilities are four columns, with offsets in characters of the text', async () => {
  answerWith(...scored);
  const answer = await client.completions.create({ ...ask, echo: true, logprobs: 1 });
  assert.deepEqual(answer.choices[0]?.logprobs, columns);
});

test('streamed log-probabilities put together are those of the one body', async () => {
  answerWith(...scored);
  const chunks = await Array.fromAsync(await client.completions.create({ ...ask, logprobs: 1, stream: true }));
  const parts = chunks.flatMap((chunk) => chunk.choices.flatMap((choice) => choice.logprobs ?? []));
  assert.deepEqual(
    {
      tokens: parts.flatMap((part) => part.tokens ?? []),
      token_logprobs: parts.flatMap((part) => part.token_logprobs ?? []),
      top_logprobs: parts.flatMap((part) => part.top_logprobs ?? []),
      text_offset: parts.flatMap((part) => part.text_offset ?? []),
    },
    columns,
  );
});

test('a streamed completion is chunks of the same object, then usage', async () => {
  answerWith(textEvent('a'), textEvent('b'), choiceFinished(0, 'length'), usageEvent(3, 2), FINISHED);
  const stream = await client.completions.create({ ...ask, stream: true, stream_options: { include_usage: true } });
  const chunks = await Array.fromAsync(stream);
  assert.deepEqual(
    chunks.map((chunk) => [chunk.object, chunk.choices, chunk.usage?.total_tokens ?? chunk.usage]),
    [
      ['text_completion', [{ text: 'a', index: 0, logprobs: null, finish_reason: null }], null],
      ['text_completion', [{ text: 'b', index: 0, logprobs: null, finish_reason: null }], null],
      ['text_completion', [{ text: '', index: 0, logprobs: null, finish_reason: 'length' }], null],
      ['text_completion', [], 5],
    ],
  );
});
