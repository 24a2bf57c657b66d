import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openVersions } from '../../../../tests/support/inside-port.ts';
import type { GoldenQuestion } from '../rollout-plan.ts';
import { askGoldenQuestions, meetsExpectation } from './golden-questions.ts';

const cases: ReadonlyArray<readonly [text: string, expect: GoldenQuestion['expect'], isMet: boolean]> = [
  ['The capital is Paris.', { contains: ['paris', 'CAPITAL'] }, true],
  ['The capital is Lyon.', { contains: ['paris'] }, false],
  ['It is Paris, not Lyon.', { contains: ['Paris'], excludes: ['lyon'] }, false],
  [' 42\n', { equals: '42' }, true],
  ['42.', { equals: '42' }, false],
  ['It costs 42 euro', { matches: '\\b\\d+ (euro|dollar)' }, true],
  ['It costs much', { matches: '\\d+' }, false],
  ['x', { matches: '(' }, false],
  ['{"a": 1, "b": {"c": [1, {"d": 2}], "e": 3}}', { json: { b: { c: [1, { d: 2 }] } } }, true],
  ['{"a": 1}', { json: { a: 2 } }, false],
  ['{"a": [1, 2]}', { json: { a: [1] } }, false],
  ['Here:\n```json\n{"a": 1}\n```', { json: { a: 1 } }, true],
  ['no json', { json: {} }, false],
];

for (const [text, expect, isMet] of cases) {
  test(`${JSON.stringify(text)} ${isMet ? 'meets' : 'does not meet'} ${JSON.stringify(expect)}`, () => {
    assert.equal(meetsExpectation(text, expect), isMet);
  });
}

test('an expression that would take for ever is given up', { timeout: 20_000 }, () => {
  assert.equal(meetsExpectation(`${'a'.repeat(60)}b`, { matches: '^(a+)+$' }), false);
});

test('both versions are asked each question, and one that is not there leaves the question out', async () => {
  const versions = await openVersions([
    { name: 'parrot', version: '1' },
    { name: 'parrot', version: '2', contextTokens: 16 },
  ]);
  const questions: GoldenQuestion[] = [
    { question: 'polly', expect: { contains: ['polly'] }, maxTokens: 8 },
    { question: 'a word that is too long for one of them: '.repeat(2), expect: { contains: ['word'] }, maxTokens: 64 },
    { question: 'polly', expect: { contains: ['cracker'] }, maxTokens: 8 },
  ];
  try {
    const run = { model: 'parrot', baseline: '1', questions };
    assert.deepEqual(await Array.fromAsync(askGoldenQuestions(versions, { ...run, candidate: '2' })), [
      { question: 0, current: true, candidate: true },
      { question: 1, current: true, candidate: false },
      { question: 2, current: false, candidate: false },
    ]);
    const absent = { infer: versions.infer };
    const stopped = AbortSignal.abort();
    assert.deepEqual(await Array.fromAsync(askGoldenQuestions(absent, { ...run, candidate: '2', signal: stopped })), []);
  } finally {
    await versions.close();
  }
});
