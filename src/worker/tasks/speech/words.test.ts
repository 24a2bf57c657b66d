import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { spreadWords } from './align-words.ts';
import { splitWords } from './split-words.ts';
import { warpPath } from './warp-path.ts';

const bytes = (text: string): number[] => [...Buffer.from(text)];
const decode = (tokens: readonly number[]): string => Buffer.from(tokens).toString();
const split = (text: string, language = 'en'): string[] => splitWords(bytes(text), language, decode).map(({ word }) => word);

test('words begin at spaces and keep their punctuation', () => {
  const pieces = [' He', ' said', ':', ' "', 'Stop', '!"', ' (', 'twice', '),', ' didn', "'t", ' he', '?'];
  const words = splitWords([...pieces.keys()], 'en', (tokens) => tokens.map((token) => pieces[token]).join(''));
  assert.deepEqual(
    words.map(({ word }) => word),
    [' He', ' said:', ' "Stop!"', ' (twice),', " didn't", ' he?'],
  );
});

test('characters of several tokens stay whole, and languages without spaces go by characters', () => {
  assert.deepEqual(split(' Grüße,'), [' Grüße,']);
  assert.deepEqual(split('日本語。', 'ja'), ['日', '本', '語。']);
});

test('no token is lost and none moves, whatever the text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.constantFrom('en', 'zh'), (text, language) => {
      const words = splitWords(bytes(text), language, decode);
      assert.deepEqual(
        words.flatMap(({ tokens }) => tokens),
        bytes(text),
      );
    }),
  );
});

test('the path goes where it is cheap', () => {
  const cheap = [1, 1, 0, 0, 0, 0, /**/ 0, 0, 1, 1, 0, 0, /**/ 0, 0, 0, 0, 1, 1];
  assert.deepEqual(
    warpPath(
      Float64Array.from(cheap, (value) => -value),
      3,
      6,
    ),
    [0, 2, 4],
  );
});

test('rows begin in order and the first at the start', () => {
  const grid = fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 12 })).chain(([rows, columns]) =>
    fc.record({
      rows: fc.constant(rows),
      columns: fc.constant(columns),
      cost: fc.float64Array({ minLength: rows * columns, maxLength: rows * columns, noNaN: true, min: -5, max: 5 }),
    }),
  );
  fc.assert(
    fc.property(grid, ({ rows, columns, cost }) => {
      const begins = warpPath(cost, rows, columns);
      assert.equal(begins.length, rows);
      assert.ok(begins.every((begin, row) => begin >= (begins[row - 1] ?? 0) && begin < columns));
      assert.equal(begins[0], 0);
    }),
  );
});

test('words that are spread take the time of their characters', () => {
  const words = [' ab', ' abcde'].map((word) => ({ word, tokens: [1] }));
  assert.deepEqual(
    spreadWords(words, 1, 10).map(({ start, end }) => [start, end]),
    [
      [1, 4],
      [4, 10],
    ],
  );
});
