import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PlinthError, type ErrorFacts } from '../../../core/errors/index.ts';
import type { GenerateRequest } from '../../../core/inference/index.ts';
import { checkChatBody, parseChat } from './chat-request.ts';

const user = { role: 'user', content: 'Hi' };
const weather = { type: 'function', function: { name: 'weather', description: 'Tells.', parameters: { type: 'object' } } };
const clock = { type: 'function', function: { name: 'clock', strict: true } };

function parse(fields: object): GenerateRequest {
  const body = checkChatBody({ model: 'tiny', messages: [user], ...fields });
  return parseChat(body, { requestId: 'r', timeLeftMs: 10 });
}

function refusalOf(fields: object): ErrorFacts {
  try {
    parse(fields);
  } catch (thrown) {
    assert.ok(thrown instanceof PlinthError);
    return thrown.facts;
  }
  return assert.fail('was accepted');
}

test('a bare request takes the defaults of OpenAI', () => {
  assert.deepEqual(parse({}), {
    kind: 'generate',
    id: 'r',
    model: 'tiny',
    prompts: [{ type: 'chat', messages: [{ role: 'user', content: 'Hi' }] }],
    choiceCount: 1,
    sampling: {
      temperature: 1,
      topP: 1,
      topK: 0,
      minP: 0.05,
      presencePenalty: 0,
      frequencyPenalty: 0,
      repeatPenalty: 1,
      logitBias: [],
    },
    stop: [],
    constraint: { type: 'text' },
    echoesPrompt: false,
    ignoresEnd: false,
    timeLeftMs: 10,
  });
});

test('every field of sampling arrives in own words', () => {
  const { sampling, maxTokens, stop, choiceCount, topLogprobs, ignoresEnd } = parse({
    temperature: 0,
    top_p: 0.5,
    top_k: 40,
    min_p: 0.1,
    seed: 7,
    presence_penalty: -2,
    frequency_penalty: 2,
    repeat_penalty: 1.1,
    logit_bias: { '5': -100, '70000': 1.5 },
    max_tokens: 3,
    max_completion_tokens: 9,
    stop: ['a', 'b'],
    n: 128,
    logprobs: true,
    top_logprobs: 20,
    ignore_eos: true,
  });
  assert.deepEqual(sampling, {
    temperature: 0,
    topP: 0.5,
    topK: 40,
    minP: 0.1,
    seed: 7,
    presencePenalty: -2,
    frequencyPenalty: 2,
    repeatPenalty: 1.1,
    logitBias: [
      [5, -100],
      [70000, 1.5],
    ],
  });
  assert.deepEqual(
    { maxTokens, stop, choiceCount, topLogprobs, ignoresEnd },
    {
      maxTokens: 9,
      stop: ['a', 'b'],
      choiceCount: 128,
      topLogprobs: 20,
      ignoresEnd: true,
    },
  );
});

test('repetition_penalty means repeat_penalty, one stop string is a list of one, top_k -1 keeps all tokens', () => {
  const { sampling, stop } = parse({ repetition_penalty: 1.2, stop: 'x', top_k: -1 });
  assert.deepEqual([sampling.repeatPenalty, stop, sampling.topK], [1.2, ['x'], 0]);
});

test('null means absent in every optional field', () => {
  const names = [
    ...['temperature', 'top_p', 'top_k', 'min_p', 'seed', 'stop', 'n', 'logit_bias', 'presence_penalty', 'frequency_penalty'],
    ...['repeat_penalty', 'repetition_penalty', 'stream', 'stream_options', 'ignore_eos', 'user', 'tools', 'tool_choice'],
    ...['parallel_tool_calls', 'functions', 'function_call', 'max_tokens', 'max_completion_tokens', 'logprobs', 'top_logprobs'],
    ...['response_format', 'modalities', 'metadata', 'store', 'service_tier', 'reasoning_effort', 'verbosity'],
  ];
  assert.deepEqual(parse(Object.fromEntries(names.map((name) => [name, null]))), parse({}));
});

test('seeds of the whole 64-bit range map to 32 bits, small ones to themselves and each always the same way', () => {
  const seeds = [0, 1, 2 ** 32 - 1, 2 ** 32, -1, -2, 2 ** 53, 2 ** 62, -(2 ** 63), 2 ** 63];
  const mapped = seeds.map((seed) => parse({ seed }).sampling.seed ?? -1);
  assert.deepEqual(mapped.slice(0, 3), [0, 1, 2 ** 32 - 1]);
  assert.ok(mapped.every((seed) => Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32));
  assert.deepEqual(
    mapped,
    seeds.map((seed) => parse({ seed }).sampling.seed),
  );
  assert.notEqual(mapped[4], mapped[5]);
});

const refusals: ReadonlyArray<readonly [fields: object, param: string, code?: string]> = [
  [{ model: undefined }, 'model'],
  [{ model: 3 }, 'model'],
  [{ messages: undefined }, 'messages'],
  [{ messages: [] }, 'messages'],
  [{ messages: 'Hi' }, 'messages'],
  [{ messages: ['Hi'] }, 'messages[0]'],
  [{ messages: [{ content: 'Hi' }] }, 'messages[0].role'],
  [{ messages: [{ role: 'boss', content: 'Hi' }] }, 'messages[0].role'],
  [{ messages: [{ role: 'user' }] }, 'messages[0].content'],
  [{ messages: [user, { role: 'user', content: null }] }, 'messages[1].content'],
  [{ messages: [{ role: 'user', content: 5 }] }, 'messages[0].content'],
  [{ messages: [{ role: 'user', content: [] }] }, 'messages[0].content'],
  [{ messages: [{ role: 'user', content: ['x'] }] }, 'messages[0].content[0]'],
  [{ messages: [{ role: 'user', content: [{ type: 'text' }] }] }, 'messages[0].content[0].text'],
  [{ messages: [{ role: 'user', content: [{ type: 'video' }] }] }, 'messages[0].content[0].type'],
  [{ messages: [{ role: 'assistant' }] }, 'messages[0].content'],
  [{ messages: [{ role: 'assistant', content: null, tool_calls: [] }] }, 'messages[0].content'],
  [{ messages: [{ role: 'assistant', tool_calls: [{ id: 'c' }] }] }, 'messages[0].tool_calls[0].function'],
  [
    { messages: [{ role: 'assistant', tool_calls: [{ function: { name: 'f', arguments: '' } }] }] },
    'messages[0].tool_calls[0].id',
  ],
  [
    { messages: [{ role: 'assistant', tool_calls: [{ id: 'c', function: { name: 'f', arguments: {} } }] }] },
    'messages[0].tool_calls[0].function.arguments',
  ],
  [{ messages: [{ role: 'tool', content: 'x' }] }, 'messages[0].tool_call_id'],
  [
    { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'x' } }] }] },
    'messages[0].content[0]',
    'unsupported_capability',
  ],
  [
    { messages: [user, { role: 'user', content: [{ type: 'text', text: 'x' }, { type: 'input_audio' }] }] },
    'messages[1].content[1]',
    'unsupported_capability',
  ],
  [{ messages: [{ role: 'user', content: [{ type: 'file', file: {} }] }] }, 'messages[0].content[0]', 'unsupported_capability'],
  [{ temperature: 2.1 }, 'temperature'],
  [{ temperature: -0.1 }, 'temperature'],
  [{ temperature: '1' }, 'temperature'],
  [{ top_p: 1.1 }, 'top_p'],
  [{ top_k: 1.5 }, 'top_k'],
  [{ top_k: -2 }, 'top_k'],
  [{ min_p: 2 }, 'min_p'],
  [{ seed: 1.5 }, 'seed'],
  [{ seed: 1e19 }, 'seed'],
  [{ seed: '1' }, 'seed'],
  [{ stop: '' }, 'stop'],
  [{ stop: ['a', ''] }, 'stop[1]'],
  [{ stop: ['a', 'b', 'c', 'd', 'e'] }, 'stop'],
  [{ n: 0 }, 'n'],
  [{ n: 129 }, 'n'],
  [{ presence_penalty: 2.5 }, 'presence_penalty'],
  [{ frequency_penalty: -2.5 }, 'frequency_penalty'],
  [{ repeat_penalty: 0 }, 'repeat_penalty'],
  [{ logit_bias: { '5': 101 } }, 'logit_bias.5'],
  [{ logit_bias: { five: 1 } }, 'logit_bias'],
  [{ logit_bias: { '-5': 1 } }, 'logit_bias'],
  [{ logit_bias: { '4294967296': 1 } }, 'logit_bias'],
  [{ max_tokens: 0 }, 'max_tokens'],
  [{ max_completion_tokens: 1.5 }, 'max_completion_tokens'],
  [{ logprobs: 5 }, 'logprobs'],
  [{ logprobs: true, top_logprobs: 21 }, 'top_logprobs'],
  [{ top_logprobs: 2 }, 'top_logprobs'],
  [{ stream: 'yes' }, 'stream'],
  [{ stream: true, stream_options: { include_usage: 1 } }, 'stream_options.include_usage'],
  [{ user: 5 }, 'user'],
  [{ metadata: { a: 1 } }, 'metadata.a'],
  [{ modalities: ['text', 'audio'] }, 'modalities', 'unsupported_capability'],
  [{ response_format: 'json' }, 'response_format'],
  [{ response_format: { type: 'xml' } }, 'response_format.type'],
  [{ response_format: { type: 'json_schema' } }, 'response_format.json_schema'],
  [{ response_format: { type: 'json_schema', json_schema: { name: 'a b', schema: {} } } }, 'response_format.json_schema.name'],
  [{ response_format: { type: 'json_schema', json_schema: { name: 'a' } } }, 'response_format.json_schema.schema'],
  [{ response_format: { type: 'json_schema', json_schema: { name: 'a', schema: [] } } }, 'response_format.json_schema.schema'],
  [{ tools: 'x' }, 'tools'],
  [{ tools: [{ type: 'function' }] }, 'tools[0].function'],
  [{ tools: [{ type: 'function', function: { name: 'a b' } }] }, 'tools[0].function.name'],
  [{ tools: [{ type: 'function', function: { name: 'a', parameters: 'x' } }] }, 'tools[0].function.parameters'],
  [{ tools: [{ type: 'custom', custom: { name: 'a' } }] }, 'tools[0].type', 'unsupported_capability'],
  [{ tools: [weather, weather] }, 'tools'],
  [{ tools: [weather], tool_choice: 'always' }, 'tool_choice'],
  [{ tools: [weather], tool_choice: { type: 'function', function: { name: 'clock' } } }, 'tool_choice'],
  [{ tools: [weather], tool_choice: { type: 'function' } }, 'tool_choice.function'],
  [{ tools: [weather], tool_choice: { type: 'custom', custom: { name: 'x' } } }, 'tool_choice.type', 'unsupported_capability'],
  [{ tool_choice: 'required' }, 'tool_choice'],
  [{ tools: [weather], parallel_tool_calls: 'no' }, 'parallel_tool_calls'],
  [{ functions: [{ name: 'a' }], tools: [weather] }, 'functions'],
];

for (const [fields, param, code = 'invalid_request'] of refusals) {
  test(`${JSON.stringify(fields)} is refused and names ${param}`, () => {
    const facts = refusalOf(fields);
    assert.deepEqual({ param: facts.param, code: facts.code }, { param, code });
  });
}

test('a refused modality says what the model cannot do', () => {
  const withPart = (type: string): object => ({ messages: [{ role: 'user', content: [{ type }] }] });
  assert.match(refusalOf(withPart('image_url')).message, /'tiny' cannot see images/);
  assert.match(refusalOf(withPart('input_audio')).message, /'tiny' cannot hear audio/);
});

test('all kinds of messages become turns of a conversation', () => {
  const { prompts } = parse({
    messages: [
      { role: 'developer', content: 'Be brief.' },
      {
        role: 'system',
        content: [
          { type: 'text', text: 'Be' },
          { type: 'text', text: 'kind.' },
        ],
      },
      { role: 'user', content: 'Weather?', name: 'ann' },
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'c1', type: 'function', function: { name: 'weather', arguments: '{}' } }],
      },
      { role: 'tool', content: 'Rain', tool_call_id: 'c1' },
      { role: 'assistant', content: [{ type: 'refusal', refusal: 'No.' }] },
      { role: 'assistant', refusal: 'Never.' },
      { role: 'assistant', content: '' },
    ],
  });
  assert.deepEqual(prompts, [
    {
      type: 'chat',
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'system', content: 'Be\nkind.' },
        { role: 'user', content: 'Weather?', name: 'ann' },
        { role: 'assistant', content: '', toolCalls: [{ id: 'c1', name: 'weather', arguments: '{}' }] },
        { role: 'tool', content: 'Rain', toolCallId: 'c1' },
        { role: 'assistant', content: 'No.' },
        { role: 'assistant', content: 'Never.' },
        { role: 'assistant', content: '' },
      ],
    },
  ]);
});

test('the deprecated function messages become tool calls and their answers', () => {
  const { prompts } = parse({
    messages: [
      { role: 'assistant', content: null, function_call: { name: 'f', arguments: '{}' } },
      { role: 'function', name: 'f', content: '3' },
    ],
  });
  assert.deepEqual(prompts, [
    {
      type: 'chat',
      messages: [
        { role: 'assistant', content: '', toolCalls: [{ id: 'call_0', name: 'f', arguments: '{}' }] },
        { role: 'tool', content: '3', name: 'f' },
      ],
    },
  ]);
});

test('tools and every form of tool_choice arrive in own words', () => {
  const ownWeather = { name: 'weather', description: 'Tells.', parameters: { type: 'object' }, isStrict: false };
  const ownClock = { name: 'clock', isStrict: true };
  const tools = [weather, clock];
  assert.deepEqual(parse({ tools }).toolOptions, {
    tools: [ownWeather, ownClock],
    choice: { type: 'auto' },
    allowsParallel: true,
  });
  assert.deepEqual(parse({ tools, tool_choice: 'none' }).toolOptions?.choice, { type: 'none' });
  assert.deepEqual(parse({ tools, tool_choice: 'required', parallel_tool_calls: false }).toolOptions, {
    tools: [ownWeather, ownClock],
    choice: { type: 'required' },
    allowsParallel: false,
  });
  const named = { type: 'function', function: { name: 'clock' } };
  assert.deepEqual(parse({ tools, tool_choice: named }).toolOptions?.choice, { type: 'named', name: 'clock' });
  const allowed = { type: 'allowed_tools', allowed_tools: { mode: 'required', tools: [named] } };
  assert.deepEqual(parse({ tools, tool_choice: allowed }).toolOptions, {
    tools: [ownClock],
    choice: { type: 'required' },
    allowsParallel: true,
  });
});

test('an empty tools list is no tools', () => {
  assert.equal(parse({ tools: [], tool_choice: 'auto' }).toolOptions, undefined);
});

test('the deprecated functions become tools that are called one at a time', () => {
  const functions = [{ name: 'f', parameters: { type: 'object' } }];
  const tool = { name: 'f', parameters: { type: 'object' }, isStrict: false };
  assert.deepEqual(parse({ functions, function_call: { name: 'f' } }).toolOptions, {
    tools: [tool],
    choice: { type: 'named', name: 'f' },
    allowsParallel: false,
  });
  assert.deepEqual(parse({ functions, function_call: 'none' }).toolOptions?.choice, { type: 'none' });
});

test('response formats become constraints', () => {
  assert.deepEqual(parse({ response_format: { type: 'text' } }).constraint, { type: 'text' });
  assert.deepEqual(parse({ response_format: { type: 'json_object' } }).constraint, { type: 'json-object' });
  const schema = { type: 'object', properties: { a: { type: 'string' } } };
  const format = { type: 'json_schema', json_schema: { name: 'answer', schema, strict: true } };
  assert.deepEqual(parse({ response_format: format }).constraint, {
    type: 'json-schema',
    schema,
    param: 'response_format.json_schema.schema',
  });
});

test('keys that JavaScript treats specially change nothing', () => {
  const body: unknown = JSON.parse(
    '{"model":"tiny","messages":[{"role":"user","content":"Hi"}],"__proto__":{"temperature":2},"constructor":1}',
  );
  const request = parseChat(checkChatBody(body), { requestId: 'r', timeLeftMs: 10 });
  assert.equal(request.sampling.temperature, 1);
});
