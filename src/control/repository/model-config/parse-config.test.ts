import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PlinthError } from '../../../core/errors/index.ts';
import type { JsonObject } from '../../../core/inference/index.ts';
import { formatConfigJson, parseConfigJson, parseConfigText } from './index.ts';

const TITLE = 'config.pbtxt';

function refusalOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof PlinthError, String(error));
    assert.equal(error.code, 'invalid_request');
    return error.message;
  }
  return 'nothing was refused';
}

test('the forms of the text format mean the same', () => {
  const plain = parseConfigText(
    `name: "m" max_batch_size: 8
     input { name: "a" data_type: TYPE_FP32 dims: 3 dims: -1 }
     input { name: "b" data_type: TYPE_STRING dims: [ 1 ] }
     parameters { key: "k" value { string_value: "v" } }`,
    TITLE,
  );
  const other = parseConfigText(
    `# a comment
     name: 'm'; max_batch_size: 0x8,
     input: [ < name: "a" data_type: 11 dims: [3, -  1] >, { name: "b", data_type: TYPE_STRING; dims: 01 } ]
     parameters: [ { value: { string_value: "v" } key: "k" } ]`,
    TITLE,
  );
  assert.deepEqual(plain, other);
  assert.deepEqual(plain['input'], [
    { name: 'a', data_type: 'TYPE_FP32', dims: [3, -1] },
    { name: 'b', data_type: 'TYPE_STRING', dims: [1] },
  ]);
});

test('texts resolve their escapes and join', () => {
  const { name } = parseConfigText(String.raw`name: "a\n\x41\101\u00e9" 'b\'' "\\"`, TITLE);
  assert.equal(name, "a\nAAéb'\\");
});

const refusals: ReadonlyArray<readonly [text: string, problem: RegExp]> = [
  ['nmae: "m"', /^config\.pbtxt:1:1: unknown field "nmae"; did you mean "name"\?$/],
  ['name: "m"\n  name: "n"', /^config\.pbtxt:2:3: "name" is given a second time$/],
  ['max_batch_size: "8"', /:1:17: expected a whole number from -2147483648 to 2147483647, got "8"/],
  ['max_batch_size: 1.5', /:1:17: expected a whole number/],
  ['max_batch_size: 2147483648', /:1:17: expected a whole number/],
  ['input { data_type: TYPE_FP31 }', /:1:20: expected one of TYPE_INVALID, .*, got "TYPE_FP31"/],
  ['input { data_type: 99 }', /expected one of/],
  ['input { name: "a" ', /expected "}", got the end of the text/],
  ['input { name: "a" >', /got ">"/],
  ['name "m"', /:1:6: expected ":" after name/],
  ['name: "m', /:1:7: a text has no closing quote on its line/],
  ['name: "\\q"', /the escape \\q in a text is unknown/],
  ['name: m', /expected text in quotes, got "m"/],
  ['@', /"@" cannot stand here/],
  ['dynamic_batching { } sequence_batching { }', /"sequence_batching" and "dynamic_batching" cannot both be given/],
  ['version_policy { all { } latest { } }', /"latest" and "all" cannot both be given/],
  ['parameters { key: "a" key: "b" }', /expected one "key:" and one "value" in parameters/],
  ['input { dims: [1, 2 }', /expected "," or "\]", got "}"/],
  ['dynamic_batching { preserve_ordering: 2 }', /expected true or false, got "2"/],
  ['1', /expected the name of a field/],
  ['parameters '.repeat(3), /expected "{"/],
];

for (const [text, problem] of refusals) {
  test(`${JSON.stringify(text)} is refused with its place`, () => {
    assert.match(
      refusalOf(() => parseConfigText(text, TITLE)),
      problem,
    );
  });
}

test('whatever is read, only PlinthErrors are thrown', () => {
  const pieces = fc.oneof(
    fc.constantFrom('input', 'name', 'dims', 'key', 'value', 'parameters', 'dynamic_batching', 'state', 'sequence_batching'),
    fc.constantFrom(
      '{',
      '}',
      '<',
      '>',
      '[',
      ']',
      ':',
      ',',
      ';',
      '-',
      '"a"',
      "'b'",
      '"',
      '\\',
      '#',
      '\n',
      ' ',
      '1',
      '0x',
      '1e9',
      '\0',
    ),
    fc.constantFrom('max_batch_size: 4', 'input { name: "a" ', 'TYPE_FP32', 'true', '__proto__', 'constructor', 'inf', '.5f'),
    fc.string({ maxLength: 5 }),
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 40 }), (parts) => {
      const text = parts.join(' ');
      try {
        parseConfigText(text, TITLE);
      } catch (error) {
        assert.ok(error instanceof PlinthError, `${text}: ${String(error)}`);
      }
    }),
    { numRuns: 2_000 },
  );
});

test('deep nesting and long texts are refused, not tried', () => {
  assert.match(
    refusalOf(() => parseConfigText(' '.repeat(4 * 1024 * 1024 + 1), TITLE)),
    /at most 4194304 characters/,
  );
});

test('a text twice as long is read in steps twice as many', () => {
  const entry = 'input { name: "a" # note\n data_type: TYPE_FP32 dims: [ 1, 2 ] }\n';
  const read = parseConfigText(entry.repeat(20_000), TITLE)['input'];
  assert.ok(Array.isArray(read) && read.length === 20_000);
  const words = parseConfigText(`name: ${'"a" '.repeat(400_000)}`, TITLE)['name'];
  assert.equal(words, 'a'.repeat(400_000));
  assert.match(
    refusalOf(() => parseConfigText(`${'\n'.repeat(300_000)}oops`, TITLE)),
    /^config\.pbtxt:300001:1:/,
  );
});

test('JSON and text of one configuration are read alike', () => {
  const json: JsonObject = {
    name: 'm',
    maxBatchSize: '8',
    input: [{ name: 'a', data_type: 'type_fp32', dims: ['3', -1] }],
    dynamicBatching: { priorityQueuePolicy: { '1': { timeoutAction: 'Delay', defaultTimeoutMicroseconds: '5' } } },
    version_policy: null,
  };
  const text = `name: "m" max_batch_size: 8 input { name: "a" data_type: TYPE_FP32 dims: [3, -1] }
    dynamic_batching { priority_queue_policy { key: 1 value { timeout_action: DELAY default_timeout_microseconds: 5 } } }`;
  assert.deepEqual(parseConfigJson(json), parseConfigText(text, TITLE));
});

const jsonRefusals: ReadonlyArray<readonly [json: JsonObject, problem: RegExp]> = [
  [{ max_batchsize: 1 }, /unknown field "max_batchsize"; did you mean "max_batch_size"/],
  [{ input: [{ dims: [1.5] }] }, /"input\[0\]\.dims\[0\]": expected a whole number .* got 1\.5/],
  [{ input: {} }, /"input": expected a list, got an object/],
  [{ parameters: { a: 'x' } }, /"parameters\["a"\]": expected an object, got "x"/],
  [{ max_batch_size: 1, maxBatchSize: 2 }, /is given a second time/],
  [{ dynamic_batching: {}, ensemble_scheduling: {} }, /cannot both be given/],
  [{ response_cache: { enable: 'true' } }, /expected true or false/],
];

for (const [json, problem] of jsonRefusals) {
  test(`JSON ${JSON.stringify(json)} is refused by field`, () => {
    assert.match(
      refusalOf(() => parseConfigJson(json)),
      problem,
    );
  });
}

test('what is written as JSON reads back as the same JSON', () => {
  const text = `name: "m" input { name: "a" data_type: TYPE_INT64 dims: 4 } instance_group { count: 2 kind: KIND_CPU }
    version_policy { specific { versions: [1, 3] } } parameters { key: "__proto__" value { string_value: "v" } }`;
  const written = formatConfigJson(parseConfigText(text, TITLE));
  assert.deepEqual(formatConfigJson(parseConfigJson(written)), written);
  assert.equal(written['max_batch_size'], 0);
  assert.deepEqual(written['batch_input'], []);
  assert.equal('dynamic_batching' in written, false);
  assert.ok(Object.hasOwn(written['parameters'] as object, '__proto__'));
});
