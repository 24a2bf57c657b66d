import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LineReader } from './line-reader.ts';

test('lines come out whole however the text is cut', () => {
  const lines = fc.array(fc.string({ maxLength: 8 }).map((text) => text.replaceAll('\n', '')));
  fc.assert(
    fc.property(lines, fc.array(fc.nat(40)), (given, cuts) => {
      const text = given.map((line) => `${line}\n`).join('');
      const got: string[] = [];
      const reader = new LineReader(100, (line) => got.push(line));
      const places = [0, ...cuts.map((cut) => Math.min(cut, text.length)).toSorted((a, b) => a - b), text.length];
      for (const [index, place] of places.entries()) reader.push(text.slice(place, places[index + 1] ?? text.length));
      assert.deepEqual(got, given);
    }),
  );
});

test('a line without an end is kept up to its limit, and the next one is whole again', () => {
  const got: string[] = [];
  const reader = new LineReader(5, (line) => got.push(line));
  for (let i = 0; i < 1_000; i++) reader.push('abc');
  reader.push('\nfine\n');
  assert.deepEqual(got, ['abcab', 'fine']);
});
