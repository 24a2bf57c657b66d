import assert from 'node:assert/strict';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { z } from 'zod';
import { PlinthError } from '../../../core/errors/index.ts';
import { readReleaseFile } from './read-release-file.ts';

const forms = {
  rolloutPlan: z.strictObject({ steps: z.array(z.strictObject({ percent: z.number() })).default([]) }),
  experimentPlan: z.strictObject({ arms: z.array(z.strictObject({ version: z.string() })) }),
};

function read(file: unknown, folder?: string) {
  return readReleaseFile({ file, ...(folder !== undefined && { folder }) }, forms);
}

test('text and mapping say the same, and numbers are versions', () => {
  const text = 'models:\n  chat:\n    aliases: { stable: 3 }\n    rollout: { to: 4, strategy: "shadow, canary" }\n';
  const file = read(text);
  assert.deepEqual(
    file,
    read({ models: { chat: { aliases: { stable: '3' }, rollout: { to: '4', strategy: ['shadow', 'canary'] } } } }),
  );
  assert.deepEqual(file.models['chat'], { aliases: { stable: '3' }, rollout: { to: '4', strategy: ['shadow', 'canary'] } });
  assert.equal(file.prune, false);
});

test('arms may name versions by numbers', () => {
  const file = read('models: { chat: { experiment: { arms: [{ version: 1 }, { version: "2" }] } } }');
  assert.deepEqual(file.models['chat']?.experiment, { arms: [{ version: '1' }, { version: '2' }] });
});

test('relative sources are seen from the folder of the file', () => {
  const sources = [
    './a.gguf',
    'b.onnx',
    '../c',
    '~/d.gguf',
    '/e.gguf',
    'hf:o/r/f.gguf',
    'smollm2',
    'https://h/x.gguf',
    'file:g.gguf',
  ];
  const versions = Object.fromEntries(sources.map((source, i) => [i + 1, { source }]));
  const placed = Object.values(read({ models: { m: { versions } } }, '/srv/plans').models['m']?.versions ?? {});
  assert.deepEqual(
    placed.map(({ source }) => source),
    [
      'file:/srv/plans/a.gguf',
      'file:/srv/plans/b.onnx',
      'file:/srv/c',
      `file:${join(homedir(), 'd.gguf')}`,
      '/e.gguf',
      'hf:o/r/f.gguf',
      'smollm2',
      'https://h/x.gguf',
      'file:/srv/plans/g.gguf',
    ],
  );
});

const refused: ReadonlyArray<readonly [name: string, file: unknown, words: RegExp]> = [
  ['an unknown field of the file', { modles: {} }, /unknown field "modles"; did you mean models/],
  [
    'an unknown field of a model',
    { models: { chat: { alias: {} } } },
    /models\.chat: unknown field "alias"; did you mean aliases/,
  ],
  [
    'an unknown field of a version',
    { models: { chat: { versions: { 2: { slotz: 1 } } } } },
    /models\.chat\.versions\.2: unknown field "slotz"; did you mean slots/,
  ],
  [
    'an unknown field of a rollout',
    { models: { chat: { rollout: { to: 2, form: 1 } } } },
    /models\.chat\.rollout: unknown field "form"; did you mean from/,
  ],
  [
    'an unknown field of a plan',
    { models: { chat: { rollout: { to: 2, plan: { steps: [{ procent: 1, percent: 2 }] } } } } },
    /rollout\.plan\.steps\[0\]: unknown field "procent"; did you mean percent/,
  ],
  [
    'an unknown field of a rule',
    { models: { c: { traffic: { rules: [{ when: { headr: {} }, to: 1 }] } } } },
    /traffic\.rules\[0\]\.when: unknown field "headr"; did you mean header/,
  ],
  ['a name for a version', { models: { chat: { versions: { 2: { name: 'x' } } } } }, /unknown field "name"/],
  ['a version that is no number', { models: { chat: { versions: { v2: {} } } } }, /models\.chat\.versions\.v2: a whole number/],
  ['a model whose name is none', { models: { 'a b': {} } }, /letters, digits/],
  ['weights beside a rollout', { models: { c: { traffic: { weights: { 1: 1 } }, rollout: { to: 2 } } } }, /exclude each other/],
  ['an experiment beside a rollout', { models: { c: { experiment: { arms: [] }, rollout: { to: 2 } } } }, /exclude each other/],
  ['a strategy that there is not', { models: { c: { rollout: { to: 2, strategy: 'shadw' } } } }, /strategy\[0\]/],
  ['no models', {}, /models: /],
  ['nothing', '', /expected object/],
  ['too deep a nest', { models: { c: { experiment: nest(40) } } }, /nested more than 32/],
  ['a prototype', JSON.parse('{"models":{"c":{"aliases":{"__proto__":"1"}}}}'), /"__proto__"/],
  ['a doubled key', 'models: {}\nmodels: {}', /not valid YAML, line 2, column 1/],
  [
    'aliases without end',
    `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefgh'
      .split('')
      .map((c, i) => `${c}: &${c} [${Array(9).fill(`*${'abcdefg'[i]}`)}]`)
      .join('\n')}`,
    /written|write the values out/,
  ],
  ['brackets without end', '['.repeat(100_000), /nested too deeply|not valid YAML/],
  ['too long a text', ' '.repeat(1024 * 1024 + 1), /at most 262144/],
];
for (const [name, file, words] of refused) {
  test(`refuses a file with ${name}`, () => {
    assert.throws(
      () => read(file),
      (error) => {
        assert.ok(error instanceof PlinthError, String(error));
        assert.equal(error.code, 'invalid_request');
        assert.match(error.message, words);
        return true;
      },
    );
  });
}

function nest(depth: number): object {
  return depth === 0 ? {} : { arms: nest(depth - 1) };
}

test('a folder that is not absolute is refused', () => {
  assert.throws(() => read({ models: {} }, 'plans'), /folder: expected an absolute path/);
});

test('whatever text comes is read or refused in words', () => {
  const piece = fc.constantFrom(
    'models:',
    '\n',
    '  ',
    'chat:',
    ' {',
    '}',
    '1:',
    ' &a ',
    '*a',
    '- ',
    '"',
    'aliases:',
    'x',
    '!!set ',
    '? ',
    '\t',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      try {
        read(pieces.join(''));
      } catch (error) {
        assert.ok(error instanceof PlinthError, String(error));
      }
    }),
  );
});

test('a text of very many fields is read in time that grows with its length', { timeout: 20_000 }, () => {
  const many = Array.from({ length: 25_000 }, (_, i) => `k${i}: 1`).join('\n');
  assert.throws(
    () => readReleaseFile({ file: many }, forms),
    (error: Error) => /and \d+ more/.test(error.message) && error.message.length < 3_000,
  );
});

test('a field that stands twice is refused by its place, wherever it is', () => {
  assert.throws(() => readReleaseFile({ file: 'models: {}\nmodels: {}' }, forms), /line 2, column 1: "models" stands twice/);
  assert.throws(
    () => readReleaseFile({ file: 'models:\n  chat:\n    aliases: { stable: 1, stable: 2 }' }, forms),
    /line 3, column 27: "stable" stands twice/,
  );
});
