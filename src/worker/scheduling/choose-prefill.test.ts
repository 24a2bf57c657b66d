import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { choosePrefill } from './choose-prefill.ts';

test('an unmeasured prompt begins with four tiles', () => {
  assert.equal(choosePrefill({ decodingSequences: 0, readingSequences: 1, prefillTokensPerMs: 0, stepTokens: 512 }), 64);
});

test('a lonely prompt takes larger bites than one beside others', () => {
  const lonely = choosePrefill({ decodingSequences: 0, readingSequences: 1, prefillTokensPerMs: 0.2, stepTokens: 512 });
  const shared = choosePrefill({ decodingSequences: 4, readingSequences: 1, prefillTokensPerMs: 0.2, stepTokens: 512 });
  assert.equal(lonely, 96);
  assert.equal(shared + 4, 32);
});

test('prompts that wait make a shared step longer, but not longer than a lonely one', () => {
  const facts = { decodingSequences: 2, prefillTokensPerMs: 0.2, stepTokens: 512 };
  const totals = [1, 4, 100].map((readingSequences) => choosePrefill({ ...facts, readingSequences }) + 2);
  assert.deepEqual(totals, [32, 80, 96]);
});

test('decode rows and prompt tokens together fill whole tiles within the step', () => {
  const facts = fc.record({
    decodingSequences: fc.nat(64),
    readingSequences: fc.nat(200),
    prefillTokensPerMs: fc.double({ min: 0, max: 50, noNaN: true }),
    stepTokens: fc.constant(512),
  });
  fc.assert(
    fc.property(facts, (given) => {
      const total = choosePrefill(given) + given.decodingSequences;
      assert.ok(total > given.decodingSequences && total <= 512);
      assert.equal(total % 16, 0);
    }),
  );
});
