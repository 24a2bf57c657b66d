import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PlinthError } from '../../../core/errors/index.ts';
import { greedySampling, type ChatMessage, type GenerateRequest, type InferenceRequest } from '../../../core/inference/index.ts';
import { generateRequest } from '../../fake-snapshots.ts';
import { formatUpstreamRequest } from './upstream-request.ts';

const address = { url: 'http://elsewhere/v1', model: 'theirs' };
const chat = (fields: Partial<GenerateRequest> = {}, messages: readonly ChatMessage[] = [{ role: 'user', content: 'hi' }]) =>
  generateRequest({ prompts: [{ type: 'chat', messages }], ...fields });
const bodyOf = (request: InferenceRequest, url = address.url) => formatUpstreamRequest(request, { ...address, url }).body;

test('a plain conversation asks for a stream with usage, and leaves out what is usual', () => {
  assert.deepEqual(formatUpstreamRequest(chat({ sampling: { ...greedySampling, minP: 0.05, topP: 0.9 } }), address), {
    endpoint: 'chat/completions',
    body: {
      model: 'theirs',
      temperature: 0,
      top_p: 0.9,
      stream: true,
      stream_options: { include_usage: true },
      messages: [{ role: 'user', content: 'hi' }],
    },
  });
});

test('sampling, limits and stops keep their names in the dialect', () => {
  const sampling = {
    temperature: 0.5,
    topP: 0.8,
    topK: 40,
    minP: 0.1,
    seed: 7,
    presencePenalty: 1,
    frequencyPenalty: -1,
    repeatPenalty: 1.1,
    logitBias: [[5, -100]],
  } as const;
  const body = bodyOf(
    generateRequest({ sampling, choiceCount: 3, maxTokens: 9, stop: ['END'], ignoresEnd: true, echoesPrompt: true }),
  );
  assert.deepEqual(body, {
    model: 'theirs',
    temperature: 0.5,
    top_p: 0.8,
    n: 3,
    stop: ['END'],
    seed: 7,
    presence_penalty: 1,
    frequency_penalty: -1,
    logit_bias: { 5: -100 },
    top_k: 40,
    min_p: 0.1,
    repeat_penalty: 1.1,
    ignore_eos: true,
    max_tokens: 9,
    stream: true,
    stream_options: { include_usage: true },
    prompt: 'hello',
    echo: true,
  });
});

test('the limit of tokens has the name that the upstream takes', () => {
  assert.equal(bodyOf(chat({ maxTokens: 9 }), 'https://api.openai.com/v1')['max_completion_tokens'], 9);
  assert.equal(bodyOf(chat({ maxTokens: 9 }), 'https://notopenai.com/v1')['max_tokens'], 9);
});

test('tools, calls and their results are written as functions', () => {
  const messages: readonly ChatMessage[] = [
    { role: 'assistant', content: '', toolCalls: [{ id: 'c1', name: 'f', arguments: '{}' }] },
    { role: 'tool', content: '3', toolCallId: 'c1' },
  ];
  const tools = [{ name: 'f', description: 'does', parameters: { type: 'object' }, isStrict: true }];
  const body = bodyOf(chat({ toolOptions: { tools, choice: { type: 'named', name: 'f' }, allowsParallel: false } }, messages));
  assert.deepEqual(body['messages'], [
    { role: 'assistant', content: null, tool_calls: [{ id: 'c1', type: 'function', function: { name: 'f', arguments: '{}' } }] },
    { role: 'tool', content: '3', tool_call_id: 'c1' },
  ]);
  assert.deepEqual(body['tools'], [
    { type: 'function', function: { name: 'f', description: 'does', parameters: { type: 'object' }, strict: true } },
  ]);
  assert.deepEqual([body['tool_choice'], body['parallel_tool_calls']], [{ type: 'function', function: { name: 'f' } }, false]);
});

test('a schema is called strict where every object in it is closed', () => {
  const closed = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'], additionalProperties: false };
  const open = { type: 'object', properties: { inner: { type: 'object' } }, required: ['inner'], additionalProperties: false };
  const schemaOf = (
    schema: GenerateRequest['constraint'] extends infer C ? (C extends { schema: infer S } ? S : never) : never,
  ) => bodyOf(chat({ constraint: { type: 'json-schema', schema, param: 'p' } }))['response_format'];
  assert.deepEqual(schemaOf(closed), { type: 'json_schema', json_schema: { name: 'answer', schema: closed, strict: true } });
  assert.deepEqual(schemaOf(open), { type: 'json_schema', json_schema: { name: 'answer', schema: open } });
  assert.deepEqual(bodyOf(chat({ constraint: { type: 'json-object' } }))['response_format'], { type: 'json_object' });
});

test('log-probabilities are asked for as each endpoint wants it', () => {
  const body = bodyOf(chat({ topLogprobs: 2 }));
  assert.deepEqual([body['logprobs'], body['top_logprobs']], [true, 2]);
  assert.equal(bodyOf(generateRequest({ topLogprobs: 2 }))['logprobs'], 2);
});

test('several prompts and token ids go as they are, and so do texts to embed', () => {
  const prompts = [
    { type: 'text', text: 'a' },
    { type: 'tokens', tokens: [1, 2] },
  ] as const;
  assert.deepEqual(bodyOf(generateRequest({ prompts }))['prompt'], ['a', [1, 2]]);
  const request: InferenceRequest = { kind: 'embed', id: 'r', model: 'm', inputs: prompts, dimensions: 8, timeLeftMs: 1 };
  assert.deepEqual(bodyOf(request), { model: 'theirs', input: ['a', [1, 2]], encoding_format: 'float', dimensions: 8 });
});

const impossible: ReadonlyArray<readonly [what: string, InferenceRequest]> = [
  ['scores', { kind: 'score', id: 'r', model: 'm', pairs: [], scale: 'logit', overlong: 'cut', timeLeftMs: 1 }],
  ['tensors', { kind: 'tensors', id: 'r', model: 'm', inputs: [], parameters: {}, timeLeftMs: 1 }],
  ['an answer begun elsewhere', generateRequest({ answerStart: 'x' })],
  ['a schema for a plain text', generateRequest({ constraint: { type: 'json-object' } })],
  [
    'several conversations',
    generateRequest({
      prompts: [
        { type: 'chat', messages: [] },
        { type: 'chat', messages: [] },
      ],
    }),
  ],
];

for (const [what, request] of impossible) {
  test(`the dialect has no words for ${what}`, () => {
    assert.throws(
      () => formatUpstreamRequest(request, address),
      (error) =>
        error instanceof PlinthError && error.code === 'unsupported_capability' && /upstream, which cannot/.test(error.message),
    );
  });
}
