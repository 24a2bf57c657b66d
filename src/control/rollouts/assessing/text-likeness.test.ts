import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { normaliseText, trigramLikeness, wordAccuracy } from './text-likeness.ts';

test('case, white space, punctuation and forms of letters do not count', () => {
  assert.equal(normaliseText('  It’s “Ｐaris”,\n\tFrance!! '), 'it s paris france');
  assert.equal(normaliseText('e\u0301'), normaliseText('é'));
});

test('likeness of wording falls from the same over a variation to something else', () => {
  const text = 'The capital of France is Paris, a city on the Seine.';
  const same = trigramLikeness(text, text.toUpperCase());
  const varied = trigramLikeness(text, 'The capital of France is the city of Paris on the Seine.');
  const other = trigramLikeness(text, 'Bananas grow quickly when it rains.');
  assert.equal(same, 1);
  assert.ok(varied > 0.7 && varied < 1, String(varied));
  assert.ok(other < 0.3, String(other));
  assert.equal(trigramLikeness('', ''), 1);
  assert.equal(trigramLikeness('', 'a'), 0);
});

test('likeness is symmetric, lies between 0 and 1 and is 1 for a text and itself', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 60 });
  fc.assert(
    fc.property(text, text, (a, b) => {
      const likeness = trigramLikeness(a, b);
      assert.ok(likeness >= 0 && likeness <= 1);
      assert.ok(Math.abs(likeness - trigramLikeness(b, a)) < 1e-12);
      assert.equal(trigramLikeness(a, a), 1);
    }),
  );
});

test('accuracy of words counts what was replaced, added and left out', () => {
  assert.equal(wordAccuracy('one two three four', 'One, two three four.'), 1);
  assert.equal(wordAccuracy('one two three four', 'one too three four'), 0.75);
  assert.equal(wordAccuracy('one two three four', 'one three four'), 0.75);
  assert.equal(wordAccuracy('one two three four', 'one two and three four'), 0.75);
  assert.equal(wordAccuracy('one', 'a b c d e'), 0);
  assert.equal(wordAccuracy('', ''), 1);
  assert.equal(wordAccuracy('', 'a'), 0);
});
