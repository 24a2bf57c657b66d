import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { z } from 'zod';
import { PlinthError } from '../../core/errors/index.ts';
import { readForm } from './read-form.ts';
import { policyForm, trafficForm } from './wire-forms.ts';

const form = z.strictObject({
  port: z.int().min(1).optional(),
  lines: z
    .record(z.string().regex(/^[a-z]+$/, 'small letters'), z.strictObject({ weight: z.number(), title: z.string().optional() }))
    .default({}),
  policy: policyForm.optional(),
  steps: z.array(z.strictObject({ percent: z.number() })).prefault([]),
});

const cases: ReadonlyArray<readonly [value: unknown, message: string]> = [
  [{ prot: 1 }, 'The form: unknown field "prot"; did you mean port?'],
  [{ zebra: 1 }, 'The form: unknown field "zebra"; known are port, lines, policy, steps'],
  [
    { lines: { a: { wieght: 1 } } },
    'The form:\n  lines.a.weight: invalid input: expected number, received undefined\n  lines.a: unknown field "wieght"; did you mean weight?',
  ],
  [{ lines: { A1: { weight: 1 } } }, 'The form: lines.A1: small letters'],
  [{ port: 0 }, 'The form: port: too small: expected number to be >=1'],
  [{ steps: [{ percent: 1 }, { percent: 'x' }] }, 'The form: steps[1].percent: invalid input: expected number, received string'],
  [{ policy: { latest: 0 } }, 'The form: policy.latest: too small: expected number to be >=1'],
  [{ policy: { specific: [1, 'x'] } }, 'The form: policy.specific[1]: a whole number from 1, as text'],
  ['text', 'The form: invalid input: expected object, received string'],
];
for (const [value, message] of cases) {
  test(`says what is wrong with ${JSON.stringify(value)}`, () => {
    assert.throws(() => readForm(form, value, 'The form'), { message });
  });
}

test('at most twenty flaws are told', () => {
  const value = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`x${i}`, 1]));
  assert.throws(
    () => readForm(form, value, 'The form'),
    (error: Error) => {
      assert.equal(error.message.split('\n').length, 22);
      assert.match(error.message, /and 10 more$/);
      return true;
    },
  );
});

test('whatever comes is either read or refused in words', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.jsonValue(), fc.dictionary(fc.constantFrom('weights', 'rules', 'fallback', 'shadow', 'x'), fc.jsonValue())),
      (value) => {
        try {
          readForm(trafficForm, value, 'traffic');
        } catch (error) {
          assert.ok(error instanceof PlinthError);
          assert.match(error.message, /^traffic:/);
        }
      },
    ),
  );
});
