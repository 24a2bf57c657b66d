import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isRefusal } from './refusal.ts';

const refusals: readonly string[] = [
  "I'm sorry, but I can't assist with that.",
  'I’m sorry, but I can’t help with that request.',
  'Sorry, I cannot provide instructions for that.',
  'I apologize, but I am unable to comply.',
  'As an AI language model, I cannot give medical advice.',
  "As an AI developed to be helpful, I can't write that.",
  'Unfortunately, I am not able to answer this question.',
  'I must decline.',
  "I won't do that.",
  'I do not feel comfortable discussing this.',
  "I'm just an AI, I don't have personal opinions.",
  'It is not something I can help with.',
  'Your request violates our policy.',
  '**I cannot create that content.**',
  'Hello! Thank you for your question. Unfortunately, I cannot share that information.',
  "I can't.",
  'I refuse.',
];

const answers: readonly string[] = [
  '',
  'Paris is the capital of France.',
  "I'm sorry to hear that. Let us look at what went wrong.",
  'Sorry for the confusion! The answer is 4.',
  "I can't help but notice that the list is empty.",
  'I can help with that. First, open the file.',
  'I cannot wait to see the photographs!',
  'As an AI, I can tell you that two and two are four.',
  'It is illegal to park there, so choose another street.',
  'Unfortunately, the train was late.',
  'Thank you for asking! Here is a poem.',
  'I will not make you wait: the answer is 7.',
  'No, the number is odd.',
];

for (const text of refusals) test(`reads as a refusal: ${text}`, () => assert.equal(isRefusal(text), true));
for (const text of answers) test(`reads as an answer: ${text}`, () => assert.equal(isRefusal(text), false));

test('what comes after the beginning does not count, and any text is judged', () => {
  assert.equal(isRefusal(`${'Well. '.repeat(50)}I cannot assist with that.`), false);
  fc.assert(fc.property(fc.string({ unit: 'grapheme', maxLength: 400 }), (text) => typeof isRefusal(text) === 'boolean'));
});
