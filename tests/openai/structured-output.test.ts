import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ajv } from 'ajv';
import OpenAI from 'openai';
import { useOpenAi } from '../support/openai.ts';

const fixture = useOpenAi();
const model = 'smollm2';
const ajv = new Ajv();
const ask = (content: string) => [{ role: 'user' as const, content }];

const person = {
  type: 'object',
  properties: {
    name: { type: 'string', maxLength: 20 },
    age: { type: 'integer', minimum: 0, maximum: 120 },
    tags: { type: 'array', items: { enum: ['kind', 'brave', 'clever'] }, maxItems: 3 },
  },
  required: ['name', 'age', 'tags'],
  additionalProperties: false,
} as const;

test('json_object answers with an object', async () => {
  const answer = await fixture.client.chat.completions.create({
    model,
    messages: ask('Give me a JSON object with a name and an age.'),
    response_format: { type: 'json_object' },
    temperature: 0,
    max_tokens: 200,
  });
  const [choice] = answer.choices;
  if (choice?.finish_reason === 'stop') {
    const value: unknown = JSON.parse(choice.message.content ?? '');
    assert.ok(typeof value === 'object' && value !== null && !Array.isArray(value));
  } else assert.equal(choice?.finish_reason, 'length');
});

test('a schema is kept for every seed', async () => {
  const isPerson = ajv.compile(person);
  const create = (seed: number) =>
    fixture.client.chat.completions.create({
      model,
      messages: ask('Invent a person.'),
      response_format: { type: 'json_schema', json_schema: { name: 'person', strict: true, schema: person } },
      temperature: 1.2,
      seed,
      max_tokens: 120,
    });
  for (const answer of await Promise.all([1, 2, 3, 4, 5, 6].map(create))) {
    const [choice] = answer.choices;
    assert.equal(choice?.finish_reason, 'stop');
    assert.ok(isPerson(JSON.parse(choice.message.content ?? '')), choice.message.content ?? '');
  }
});

test('a constrained answer cut by its limit says length', async () => {
  const answer = await fixture.client.chat.completions.create({
    model,
    messages: ask('Invent a person.'),
    response_format: { type: 'json_schema', json_schema: { name: 'person', schema: person } },
    max_tokens: 4,
  });
  assert.equal(answer.choices[0]?.finish_reason, 'length');
});

test('a schema that cannot be kept is refused with its keyword', async () => {
  const schema = { type: 'object', properties: { n: { type: 'number', multipleOf: 0.3 } } };
  await assert.rejects(
    fixture.client.chat.completions.create({
      model,
      messages: ask('x'),
      response_format: { type: 'json_schema', json_schema: { name: 'n', schema } },
    }),
    (error: unknown) =>
      error instanceof OpenAI.BadRequestError &&
      error.message.includes('multipleOf') &&
      String(error.param).includes('response_format'),
  );
});

const weather = {
  type: 'function' as const,
  function: {
    name: 'get_weather',
    description: 'Current weather of a city',
    parameters: {
      type: 'object',
      properties: { city: { type: 'string', maxLength: 30 }, unit: { enum: ['celsius', 'fahrenheit'] } },
      required: ['city', 'unit'],
      additionalProperties: false,
    },
  },
};
const clock = { type: 'function' as const, function: { name: 'get_time', parameters: { type: 'object', properties: {} } } };

test('a required tool is really called with arguments that fit', async () => {
  const answer = await fixture.client.chat.completions.create({
    model,
    messages: ask('How is the weather in Berlin?'),
    tools: [weather, clock],
    tool_choice: 'required',
    temperature: 0,
    max_tokens: 400,
  });
  const [choice] = answer.choices;
  assert.equal(choice?.finish_reason, 'tool_calls');
  assert.equal(choice.message.content, null);
  const [call] = choice.message.tool_calls ?? [];
  assert.ok(call?.type === 'function');
  assert.match(call.id, /^call_/);
  assert.ok(['get_weather', 'get_time'].includes(call.function.name));
  JSON.parse(call.function.arguments);
  const spelled = (choice.message.tool_calls ?? []).map((one) => JSON.stringify({ ...one, id: '' }));
  assert.equal(new Set(spelled).size, spelled.length, 'no call is a repetition of another');
});

test('a named tool is called and its arguments stream in pieces', async () => {
  const stream = fixture.client.chat.completions.stream({
    model,
    messages: ask('How is the weather in Paris?'),
    tools: [weather, clock],
    tool_choice: { type: 'function', function: { name: 'get_weather' } },
    parallel_tool_calls: false,
    temperature: 0,
    max_tokens: 200,
  });
  let deltas = 0;
  stream.on('tool_calls.function.arguments.delta', () => deltas++);
  const [choice] = (await stream.finalChatCompletion()).choices;
  const [call] = choice?.message.tool_calls ?? [];
  assert.ok(call?.type === 'function' && call.function.name === 'get_weather');
  const isWeather = ajv.compile(weather.function.parameters);
  assert.ok(isWeather(JSON.parse(call.function.arguments)), call.function.arguments);
  assert.ok(deltas > 1);
});

test('a tool message comes back into the conversation', async () => {
  const messages = [
    ...ask('How is the weather in Berlin?'),
    {
      role: 'assistant' as const,
      content: null,
      tool_calls: [
        {
          id: 'call_1',
          type: 'function' as const,
          function: { name: 'get_weather', arguments: '{"city":"Berlin","unit":"celsius"}' },
        },
      ],
    },
    { role: 'tool' as const, tool_call_id: 'call_1', content: 'It is 17 degrees celsius and sunny in Berlin.' },
  ];
  const answer = await fixture.client.chat.completions.create({
    model,
    messages,
    tools: [weather],
    temperature: 0,
    max_tokens: 60,
  });
  assert.match(answer.choices[0]?.message.content ?? JSON.stringify(answer.choices[0]?.message.tool_calls), /17|sunny|Berlin/);
});

test('tool_choice none never calls', async () => {
  const answer = await fixture.client.chat.completions.create({
    model,
    messages: ask('How is the weather in Berlin?'),
    tools: [weather],
    tool_choice: 'none',
    temperature: 0,
    max_tokens: 30,
  });
  assert.equal(answer.choices[0]?.message.tool_calls, undefined);
});
