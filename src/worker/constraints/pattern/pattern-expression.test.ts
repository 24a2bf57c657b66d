import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Grammar } from '../grammar/index.ts';
import { Gbnf } from '../../../../tests/support/gbnf.ts';
import { PatternError, patternExpression } from './index.ts';

function grammarOf(pattern: string, minLength = 0, maxLength?: number): Gbnf {
  const grammar = new Grammar();
  grammar.define('root', patternExpression(grammar, { pattern, minLength, maxLength }));
  return new Gbnf(grammar.print() ?? '');
}

const atom = fc.constantFrom(
  'a',
  'B',
  '.',
  '\\d',
  '\\W',
  '\\s',
  '\\S',
  '[a-f]',
  '[^a-z"]',
  '[\\]\\-^]',
  '[\\w.-]',
  '"',
  '\\\\',
  '\\.',
  'é',
  '\\u{1F600}',
  '\\x41',
  '\\n',
  '(?:ab|c)',
  '(x|[0-9]{2})',
);
const quantifier = fc.constantFrom('', '', '', '?', '+', '*', '{2}', '{1,3}', '{0,70}', '+?');
const sequenceOf = fc
  .array(
    fc.tuple(atom, quantifier).map((parts) => parts.join('')),
    { minLength: 1, maxLength: 4 },
  )
  .map((parts) => parts.join(''));
const patternOf = fc
  .array(
    fc.tuple(fc.constantFrom('', '^'), sequenceOf, fc.constantFrom('', '$')).map((parts) => parts.join('')),
    { minLength: 1, maxLength: 3 },
  )
  .map((alternatives) => alternatives.join('|'));

test('every sampled text matches the regular expression', () => {
  fc.assert(
    fc.property(
      patternOf,
      fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 20, maxLength: 60 }),
      (pattern, rolls) => {
        const grammar = grammarOf(pattern);
        let turn = 0;
        const random = (): number => rolls[(turn += 1) % rolls.length] ?? 0;
        for (let count = 0; count < 5; count += 1) {
          const text: unknown = JSON.parse(`"${grammar.sample(random)}"`);
          assert.ok(typeof text === 'string' && new RegExp(pattern, 'u').test(text), `${JSON.stringify(text)} for ${pattern}`);
        }
      },
    ),
    { numRuns: 1_000 },
  );
});

test('an anchored pattern takes what it matches and nothing else', () => {
  const code = grammarOf('^[A-Z]{2}-\\d{1,3}$');
  for (const inside of ['AB-1', 'XY-123']) assert.ok(code.accepts(inside), inside);
  for (const outside of ['', 'AB-', 'AB-1234', 'aB-1', ' AB-1', 'AB-1 ']) assert.ok(!code.accepts(outside), outside);
  assert.ok(grammarOf('b').accepts('abc'));
  assert.ok(grammarOf('^(?<year>\\d{4})$').accepts('2026'));
});

test('a length moves into the one open repetition', () => {
  const name = grammarOf('^[a-z][a-z0-9]*$', 3, 5);
  for (const inside of ['abc', 'a1234']) assert.ok(name.accepts(inside), inside);
  for (const outside of ['ab', 'a12345', '1ab']) assert.ok(!name.accepts(outside), outside);
});

test('what cannot be guaranteed is refused', () => {
  const cases: [string, RegExp][] = [
    ['a(?=b)', /look-around/],
    ['(?<!a)b', /look-around/],
    ['(a)\\1', /\\1/],
    ['\\bword', /\\b/],
    ['\\p{L}', /\\p/],
    ['(a*)*', /may be empty/],
    ['a^b', /anchor inside/],
    ['(a$|b)', /anchor inside/],
    ['[', /not a valid/],
    ['a'.repeat(2_001), /longer than 2000/],
    [`${'('.repeat(60)}a${')'.repeat(60)}`, /deeper than 50/],
  ];
  for (const [pattern, words] of cases) {
    assert.throws(
      () => grammarOf(pattern),
      (error: unknown) => error instanceof PatternError && words.test(error.message),
      pattern,
    );
  }
});
