import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  greedySampling,
  type GenerateRequest,
  type InferenceEvent,
  type InferenceRequest,
} from '../../../core/inference/index.ts';
import { compareAnswers } from './compare-answers.ts';
import { readAnswer, type Answer } from './read-answer.ts';

const head = { id: 'r', model: 'm', timeLeftMs: 1000 };
const END: InferenceEvent = { type: 'finished', timings: { queueMs: 0, prefillMs: 0, decodeMs: 0 } };

function generate(fields: Partial<GenerateRequest> = {}): GenerateRequest {
  return {
    kind: 'generate',
    ...head,
    prompts: [{ type: 'text', text: 'Say: ' }],
    choiceCount: 1,
    sampling: greedySampling,
    stop: [],
    constraint: { type: 'text' },
    echoesPrompt: false,
    ignoresEnd: false,
    ...fields,
  };
}

const text = (words: string, choice = 0): InferenceEvent => ({ type: 'text-delta', choice, text: words });
const call = (name: string, args: string): InferenceEvent[] => [
  { type: 'tool-call-delta', choice: 0, index: 0, id: 'c', name, argumentsText: args.slice(0, 3) },
  { type: 'tool-call-delta', choice: 0, index: 0, argumentsText: args.slice(3) },
];

function answer(request: InferenceRequest, ...events: InferenceEvent[]): Answer {
  const read = readAnswer(request, [...events, END]);
  assert.ok(read);
  return read;
}

function compare(request: InferenceRequest, current: InferenceEvent[], other: InferenceEvent[]) {
  return compareAnswers({ request, current: answer(request, ...current), answer: answer(request, ...other) });
}

test('pieces of text and of calls are put together by choice', () => {
  const read = answer(generate({ choiceCount: 2 }), text('Hel'), text('Bye', 1), text('lo'), ...call('find', '{"a": 1}'), {
    type: 'choice-finished',
    choice: 0,
    reason: 'tool-calls',
  });
  assert.deepEqual(read.choices, [
    { text: 'Hello', calls: [{ name: 'find', argumentsText: '{"a": 1}' }], reason: 'tool-calls' },
    { text: 'Bye', calls: [] },
  ]);
});

test('an answer that failed or broke off is none', () => {
  assert.equal(readAnswer(generate(), [text('Hel')]), undefined);
  assert.equal(readAnswer(generate(), [{ type: 'failed', error: { code: 'engine_failed', message: 'x' } }]), undefined);
});

test('a repeated prompt is no part of the answer', () => {
  assert.equal(answer(generate({ echoesPrompt: true }), text('Say: '), text('hi')).choices[0]?.text, 'hi');
});

test('places beyond any that an answer has are passed over', () => {
  const values = new Uint8Array(4);
  const read = answer(generate(), text('x', 1e9), { type: 'embedding', index: 1e9, values }, text('y'));
  assert.deepEqual([read.choices.length, read.vectors.length], [1, 0]);
});

test('an embedding is read wherever its bytes lie', () => {
  const bytes = Buffer.alloc(9);
  bytes.writeFloatLE(0.5, 1);
  bytes.writeFloatLE(-2, 5);
  const request: InferenceRequest = { kind: 'embed', ...head, inputs: [{ type: 'text', text: 'x' }] };
  const read = answer(request, { type: 'embedding', index: 0, values: bytes.subarray(1) });
  assert.deepEqual(read.vectors, [Float32Array.from([0.5, -2])]);
});

test('texts agree exactly, but for case and punctuation, or by their wording', () => {
  assert.deepEqual(compare(generate(), [text('Yes.')], [text('Yes.')]), { exact: true, normalised: true, similarity: 1 });
  assert.deepEqual(compare(generate(), [text('Yes.')], [text('yes')]), { exact: false, normalised: true, similarity: 1 });
  const other = compare(generate(), [text('It rains in Paris.')], [text('No idea')]);
  assert.ok(!other.normalised && other.similarity < 0.3);
});

test('the likeness of texts is asked for where one is given', () => {
  const request = generate();
  const pair = { request, current: answer(request, text('a')), answer: answer(request, text('b')) };
  assert.equal(compareAnswers(pair, () => 0.6).similarity, 0.6);
  assert.equal(compareAnswers(pair, () => 1.2).similarity, 1);
});

test('calls agree by function and arguments, whatever the order of the fields', () => {
  const own = call('find', '{"a": 1, "b": [2]}');
  assert.deepEqual(compare(generate(), own, call('find', '{"b":[2],"a":1}')), { exact: true, normalised: true, similarity: 1 });
  assert.equal(compare(generate(), own, call('find', '{"a": 2, "b": [2]}')).similarity, 0.75);
  assert.equal(compare(generate(), own, call('seek', '{"a": 1, "b": [2]}')).similarity, 0);
  assert.equal(compare(generate(), own, call('find', '{"a": 1')).similarity, 0.5);
  assert.equal(compare(generate(), own, [text('I would look for it.')]).similarity, 0);
});

test('a choice that one answer lacks is unlike', () => {
  const request = generate({ choiceCount: 2 });
  assert.equal(compare(request, [text('a'), text('b', 1)], [text('a')]).similarity, 0.5);
});

test('what is heard agrees by its words', () => {
  const request: InferenceRequest = {
    kind: 'transcribe',
    ...head,
    audio: new Uint8Array(),
    task: 'transcribe',
    temperature: 0,
    timestamps: 'none',
  };
  const heard = (words: string): InferenceEvent => ({
    type: 'transcript-segment',
    segment: {
      index: 0,
      start: 0,
      end: 1,
      text: words,
      tokens: [],
      temperature: 0,
      averageLogprob: 0,
      compressionRatio: 1,
      noSpeechProbability: 0,
    },
  });
  assert.deepEqual(compare(request, [heard('One two three four')], [heard('one two three five')]), {
    exact: false,
    normalised: false,
    similarity: 0.75,
  });
});

test('what is seen agrees by whatever was found', () => {
  const request: InferenceRequest = { kind: 'recognize', ...head, image: new Uint8Array() };
  const seen = (right: number): InferenceEvent => ({ type: 'object-found', label: 'cat', score: 1, box: [0, 0, right, 10] });
  assert.equal(compare(request, [seen(10)], [seen(5)]).similarity, 0.5);
  assert.equal(compare(request, [], []).similarity, 1);
  const read = (words: string): InferenceEvent => ({ type: 'text-found', text: words, score: 1, corners: [] });
  assert.ok(compare(request, [read('EXIT')], [read('EXIT'), read('only')]).similarity < 1);
});

test('scores, classes and tensors are compared by their own measures', () => {
  const score: InferenceRequest = { kind: 'score', ...head, pairs: [], scale: 'logit', overlong: 'cut' };
  const scored = (...values: number[]) =>
    values.map((value, index): InferenceEvent => ({ type: 'score', index, score: value, by: 'cross-encoder' }));
  assert.equal(compare(score, scored(1, 2), scored(2, 1)).similarity, 0);
  const classify: InferenceRequest = { kind: 'classify', ...head, inputs: [], scale: 'probability', overlong: 'cut' };
  const classed = (label: string): InferenceEvent => ({
    type: 'classification',
    index: 0,
    classes: [{ classIndex: 0, label, score: 1 }],
  });
  assert.equal(compare(classify, [classed('a')], [classed('b')]).similarity, 0);
  const tensors: InferenceRequest = { kind: 'tensors', ...head, inputs: [], parameters: {} };
  const made = (value: number): InferenceEvent => ({
    type: 'tensor',
    response: 0,
    tensor: { name: 'y', datatype: 'INT8', shape: [1], data: Uint8Array.of(value) },
  });
  assert.equal(compare(tensors, [made(1)], [made(1)]).exact, true);
  assert.equal(compare(tensors, [made(1)], [made(2)]).similarity, 0);
});

test('an answer agrees with itself, and no two answers by less than 0 or more than 1', () => {
  const events = fc.array(
    fc.oneof(
      fc.record({ type: fc.constant('text-delta' as const), choice: fc.nat(2), text: fc.string({ maxLength: 12 }) }),
      fc.record({
        type: fc.constant('tool-call-delta' as const),
        choice: fc.nat(2),
        index: fc.nat(2),
        name: fc.constantFrom('find', 'seek'),
        argumentsText: fc.constantFrom('{}', '{"a":1}', '[', ''),
      }),
    ),
    { maxLength: 8 },
  );
  fc.assert(
    fc.property(events, events, (a, b) => {
      const { similarity } = compare(generate({ choiceCount: 3 }), a, b);
      assert.ok(similarity >= 0 && similarity <= 1);
      assert.deepEqual(compare(generate({ choiceCount: 3 }), a, a), { exact: true, normalised: true, similarity: 1 });
    }),
  );
});
