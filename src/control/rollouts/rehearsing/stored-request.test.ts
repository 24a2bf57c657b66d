import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PlinthError } from '../../../core/errors/index.ts';
import { greedySampling, type InferenceRequest, type JsonObject, type JsonValue } from '../../../core/inference/index.ts';
import { redact } from './redact.ts';
import { isKeepable, readStoredRequest, storeRequest } from './stored-request.ts';

const text = fc.string({ unit: 'grapheme', maxLength: 20 });
const head = { id: text, model: fc.constantFrom('m', 'chat'), timeLeftMs: fc.integer({ min: 1, max: 1e6 }) };
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
/** Fields without a value are left out, as requests have it. */
const compact = <T>(value: T): T => {
  if (Array.isArray(value)) return value.map((item: unknown) => compact(item)) as T;
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  const entries: [string, unknown][] = Object.entries(value);
  return Object.fromEntries(entries.flatMap(([key, item]) => (item === undefined ? [] : [[key, compact(item)]]))) as T;
};

const json = fc.jsonValue({ maxDepth: 2 }).map((value) => JSON.parse(JSON.stringify(value)) as JsonValue);
const textPrompt = fc.record({ type: fc.constant('text' as const), text });
const message = fc.record({ role: fc.constantFrom('user' as const, 'assistant' as const), content: text, name: optional(text) });
const request: fc.Arbitrary<InferenceRequest> = fc
  .oneof(
    fc.record({
      kind: fc.constant('generate' as const),
      ...head,
      prompts: fc.array(fc.oneof(textPrompt, fc.record({ type: fc.constant('chat' as const), messages: fc.array(message) }))),
      choiceCount: fc.integer({ min: 1, max: 4 }),
      sampling: fc
        .record({ seed: fc.nat(), temperature: fc.constantFrom(0, 0.7) })
        .map((some) => ({ ...greedySampling, ...some })),
      maxTokens: optional(fc.nat(100)),
      stop: fc.array(text),
      constraint: fc.oneof(
        fc.constant({ type: 'text' as const }),
        json.map((schema) => ({ type: 'json-schema' as const, schema, param: 'p' })),
      ),
      toolOptions: optional(
        fc.constant({
          tools: [{ name: 'f', isStrict: true, parameters: { type: 'object' } }],
          choice: { type: 'named' as const, name: 'f' },
          allowsParallel: false,
        }),
      ),
      topLogprobs: optional(fc.nat(5)),
      echoesPrompt: fc.boolean(),
      ignoresEnd: fc.boolean(),
    }),
    fc.record({
      kind: fc.constant('embed' as const),
      ...head,
      inputs: fc.array(textPrompt),
      dimensions: optional(fc.integer({ min: 1, max: 9 })),
    }),
    fc.record({
      kind: fc.constant('score' as const),
      ...head,
      pairs: fc.array(fc.record({ first: text, second: text })),
      scale: fc.constantFrom('logit' as const, 'probability' as const),
      overlong: fc.constantFrom('cut' as const, 'refuse' as const),
    }),
    fc.record({
      kind: fc.constant('tensors' as const),
      ...head,
      inputs: fc.array(
        fc.record({
          name: text,
          datatype: fc.constant('UINT8' as const),
          shape: fc.array(fc.nat(5), { maxLength: 3 }),
          data: fc.uint8Array(),
        }),
      ),
      outputs: optional(fc.array(text)),
      parameters: fc.dictionary(fc.constantFrom('a', 'b'), fc.oneof(text, fc.integer(), fc.boolean())),
    }),
  )
  .map((any) => compact(any) as InferenceRequest);

test('a request that is stored reads back the same', () => {
  fc.assert(
    fc.property(request, (original) => {
      const stored = JSON.parse(JSON.stringify(storeRequest(original))) as JsonObject;
      assert.deepEqual(readStoredRequest(stored), original);
    }),
  );
});

test('a redacted request can be stored and read, and redacting it once more changes nothing', () => {
  fc.assert(
    fc.property(request, (original) => {
      const redacted = redact(original);
      if (redacted === undefined) return;
      assert.deepEqual(redact(readStoredRequest(storeRequest(redacted.request)))?.request, redacted.request);
    }),
  );
});

test('bytes that lie anywhere in a buffer are stored as they are', () => {
  const data = Buffer.from('xxABxx').subarray(2, 4);
  const original: InferenceRequest = {
    kind: 'tensors',
    id: '',
    model: 'm',
    timeLeftMs: 1,
    inputs: [{ name: 'a', datatype: 'UINT8', shape: [2], data }],
    parameters: {},
  };
  const read = readStoredRequest(storeRequest(original));
  assert.ok(read.kind === 'tensors');
  assert.deepEqual(read.inputs[0]?.data, Uint8Array.of(65, 66));
});

const embed = { kind: 'embed', id: '', model: 'm', timeLeftMs: 1, inputs: [{ type: 'text', text: 'x' }] };
for (const [what, stored, param] of [
  ['an unknown kind', { ...embed, kind: 'guess' }, 'kind'],
  ['a field that nobody knows', { ...embed, more: 1 }, ''],
  ['a text that is a number', { ...embed, inputs: [{ type: 'text', text: 1 }] }, 'inputs.0.text'],
  ['a picture', { kind: 'recognize', id: '', model: 'm', timeLeftMs: 1, image: '' }, 'kind'],
  ['far too many inputs', { ...embed, inputs: Array.from({ length: 2000 }, () => embed.inputs[0]) }, 'inputs'],
] as const) {
  test(`a stored request with ${what} is refused by name`, () => {
    assert.throws(
      () => readStoredRequest(stored as JsonObject),
      (error) => error instanceof PlinthError && error.code === 'invalid_request' && error.facts.param === param,
    );
  });
}

test('only what is small and can be redacted is worth keeping', () => {
  const head = { id: '', model: 'm', timeLeftMs: 1 };
  const embedOf = (characters: number): InferenceRequest => ({
    kind: 'embed',
    ...head,
    inputs: [{ type: 'text', text: 'x'.repeat(characters) }],
  });
  const tensorOf = (bytes: number): InferenceRequest => ({
    kind: 'tensors',
    ...head,
    inputs: [{ name: 'a', datatype: 'UINT8', shape: [bytes], data: new Uint8Array(bytes) }],
    parameters: {},
  });
  assert.deepEqual([embedOf(60_000), embedOf(70_000), tensorOf(262_144), tensorOf(262_145)].map(isKeepable), [
    true,
    false,
    true,
    false,
  ]);
  assert.equal(isKeepable({ kind: 'recognize', ...head, image: new Uint8Array(1) }), false);
});
