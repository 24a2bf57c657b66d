import assert from 'node:assert/strict';
import { test } from 'node:test';
import { greedySampling, type GenerateRequest, type ToolOptions } from '../../../core/inference/index.ts';
import { judgeStructure } from './judge-structure.ts';
import type { Answer } from './read-answer.ts';

function generate(fields: Partial<GenerateRequest> = {}): GenerateRequest {
  return {
    kind: 'generate',
    id: 'r',
    model: 'm',
    timeLeftMs: 1000,
    prompts: [{ type: 'text', text: 'x' }],
    choiceCount: 1,
    sampling: greedySampling,
    stop: [],
    constraint: { type: 'text' },
    echoesPrompt: false,
    ignoresEnd: false,
    ...fields,
  };
}

function answer(text: string, calls: Answer['choices'][number]['calls'] = []): Answer {
  return { choices: [{ text, calls }], vectors: [], scores: [], classifications: [], objects: [], foundText: '', tensors: [] };
}

const call = (name: string, argumentsText: string) => answer('', [{ name, argumentsText }]);
const judge = (request: GenerateRequest, current: Answer, candidate: Answer) => judgeStructure(request, { current, candidate });
const tools: ToolOptions = {
  tools: [
    {
      name: 'weather',
      isStrict: false,
      parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
    },
    { name: 'now', isStrict: false },
  ],
  choice: { type: 'auto' },
  allowsParallel: true,
};

test('plain text has no structure to judge', () => {
  assert.equal(judge(generate(), answer('a'), answer('{')), undefined);
  assert.equal(judge(generate({ toolOptions: tools }), answer('a'), answer('b')), undefined);
});

test('an object that was asked for must be one', () => {
  const request = generate({ constraint: { type: 'json-object' } });
  assert.deepEqual(judge(request, answer('{"a": 1}'), answer('{"a": ')), { current: true, candidate: false });
  assert.deepEqual(judge(request, answer('{}'), answer('[1]')), { current: true, candidate: false });
});

test('a schema that was asked for must be met, as far as it can be looked into', () => {
  const schema = { type: 'object', properties: { n: { type: 'integer' }, s: { pattern: '^(a+)+$' } }, required: ['n'] };
  const request = generate({ constraint: { type: 'json-schema', schema, param: 'p' } });
  assert.deepEqual(judge(request, answer('{"n": 1, "s": "b"}'), answer('{"n": "1"}')), { current: true, candidate: false });
});

test('a call must be of a tool that exists, with arguments that fit', () => {
  const request = generate({ toolOptions: tools });
  const good = call('weather', '{"city":"Paris"}');
  assert.deepEqual(judge(request, good, call('weather', '{"town":"Paris"}')), { current: true, candidate: false });
  assert.deepEqual(judge(request, good, call('wether', '{"city":"Paris"}')), { current: true, candidate: false });
  assert.deepEqual(judge(request, good, call('weather', '{"city":')), { current: true, candidate: false });
  assert.deepEqual(judge(request, call('now', ''), call('now', '{}')), { current: true, candidate: true });
});

test('an answer without a call is sound unless one was demanded', () => {
  const good = call('now', '{}');
  assert.deepEqual(judge(generate({ toolOptions: tools }), good, answer('It is noon.')), { current: true, candidate: true });
  const required = generate({ toolOptions: { ...tools, choice: { type: 'required' } } });
  assert.deepEqual(judge(required, good, answer('It is noon.')), { current: true, candidate: false });
  const named = generate({ toolOptions: { ...tools, choice: { type: 'named', name: 'now' } } });
  assert.deepEqual(judge(named, good, call('weather', '{"city":"x"}')), { current: true, candidate: false });
});
