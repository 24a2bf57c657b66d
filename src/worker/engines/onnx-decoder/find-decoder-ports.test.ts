import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GraphPort } from '../../graph.ts';
import { findDecoderPorts } from './find-decoder-ports.ts';

function port(name: string, datatype: GraphPort['datatype'], shape: readonly number[]): GraphPort {
  return { name, datatype, shape, symbols: shape.map(() => undefined), isOptional: false };
}

const state = [-1, 2, -1, 64];
const inputs = [
  port('input_ids', 'INT64', [-1, -1]),
  port('attention_mask', 'INT64', [-1, -1]),
  port('past_key_values.0.key', 'FP16', state),
  port('past_key_values.0.value', 'FP16', state),
];
const outputs = [
  port('logits', 'FP32', [-1, -1, 100]),
  port('present.0.key', 'FP16', state),
  port('present.0.value', 'FP16', state),
];

test('states go in and come out under names that belong together', () => {
  assert.deepEqual(findDecoderPorts(inputs, outputs), {
    states: ['key', 'value'].map((what) => ({
      input: `past_key_values.0.${what}`,
      output: `present.0.${what}`,
      datatype: 'FP16',
      heads: 2,
      size: 64,
    })),
    idType: 'INT64',
    vocabularySize: 100,
    extras: new Set(['attention_mask']),
  });
});

test('an input with a value of its own is left to it', () => {
  const optional = { ...port('scale', 'FP32', [1]), isOptional: true };
  assert.deepEqual([...findDecoderPorts([...inputs, optional], outputs).extras], ['attention_mask']);
});

const misfits: readonly [string, readonly GraphPort[], readonly GraphPort[], RegExp][] = [
  ['no tokens go in', inputs.slice(1), outputs, /'input_ids'/],
  ['no logits come out', inputs, outputs.slice(1), /'logits'/],
  ['the tokens are floats', [port('input_ids', 'FP32', [-1, -1]), ...inputs.slice(1)], outputs, /'input_ids' are FP32/],
  ['there is no state', inputs.slice(0, 2), outputs, /past_key_values/],
  ['a state does not come out', inputs, outputs.slice(0, 2), /without an output 'present\.0\.value'/],
  [
    'the size of a state is open',
    [...inputs.slice(0, 3), port('past_key_values.0.value', 'FP16', [-1, 2, -1, -1])],
    outputs,
    /shape/,
  ],
  ['a picture is wanted', [...inputs, port('pixel_values', 'FP32', [1, 3, 8, 8])], outputs, /'pixel_values'/],
  ['the logits are whole numbers', inputs, [port('logits', 'INT32', [-1, -1, 9]), ...outputs.slice(1)], /INT32, no float/],
  ['the logits are flat', inputs, [port('logits', 'FP32', [-1, 100]), ...outputs.slice(1)], /2 dimensions/],
];
for (const [what, given, made, message] of misfits) {
  test(`a graph where ${what} is no decoder`, () => {
    assert.throws(() => findDecoderPorts(given, made), { code: 'invalid_model_file', message });
  });
}
