import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { nearestNames } from './nearest-names.ts';

const cases: ReadonlyArray<readonly [given: string, known: readonly string[], expected: readonly string[]]> = [
  ['smolm2', ['smollm2', 'tinyllama'], ['smollm2']],
  ['SMOLLM2', ['smollm2'], ['smollm2']],
  ['prot', ['host', 'port', 'models'], ['port']],
  ['bodyByte', ['bodyDepth', 'bodyBytes'], ['bodyBytes']],
  ['smol', ['smollm2-instruct'], ['smollm2-instruct']],
  ['zebra', ['port', 'host'], []],
  ['', ['a', 'port'], []],
  ['ab', ['xy', 'ba', 'abc', 'ac'], ['ba', 'abc', 'ac']],
];

for (const [given, known, expected] of cases) {
  test(`names nearest to ${JSON.stringify(given)} among ${known.join(', ')}`, () => {
    assert.deepEqual(nearestNames(given, known), expected);
  });
}

test('a known name is the nearest to itself', () => {
  const names = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 30 }), {
    minLength: 1,
    selector: (name) => name.toLowerCase(),
  });
  fc.assert(fc.property(names, (known) => known.every((name) => nearestNames(name, known)[0] === name)));
});

test('one edit of a long name is always found', () => {
  const name = 'requestTimeoutMs';
  fc.assert(
    fc.property(fc.nat(name.length - 1), fc.constantFrom('', 'x', 'xy'), (at, replacement) => {
      assert.deepEqual(nearestNames(name.slice(0, at) + replacement + name.slice(at + 1), ['other', name]), [name]);
    }),
  );
});

test('a name longer than any real one is compared with nothing', () => {
  assert.deepEqual(nearestNames('a'.repeat(100_000), ['a'.repeat(300)]), []);
});
