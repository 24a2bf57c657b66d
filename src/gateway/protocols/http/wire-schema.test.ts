import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { PlinthError } from '../../../core/errors/index.ts';
import { compileWireSchema } from './wire-schema.ts';

const check = compileWireSchema(
  z.looseObject({
    name: z.string().min(1),
    ratio: z.number().min(0).max(2).nullish(),
    count: z.int().min(1).max(128).nullish(),
    stop: z.union([z.string(), z.array(z.string().min(1)).max(2)]).nullish(),
    mode: z.enum(['fast', 'slow']).nullish(),
    bias: z.record(z.string(), z.number().max(100)).nullish(),
    label: z
      .string()
      .regex(/^[a-z]+$/)
      .describe('small letters')
      .nullish(),
    parts: z
      .array(
        z.discriminatedUnion('type', [
          z.looseObject({ type: z.literal('text'), text: z.string() }),
          z.looseObject({ type: z.enum(['image', 'sound']) }),
        ]),
      )
      .min(1)
      .nullish(),
  }),
);

function refusalOf(value: unknown): { message: string; param: string | undefined } {
  try {
    check(value);
  } catch (thrown) {
    assert.ok(thrown instanceof PlinthError);
    assert.equal(thrown.code, 'invalid_request');
    return { message: thrown.facts.message, param: thrown.facts.param };
  }
  return assert.fail('was accepted');
}

const refusals: ReadonlyArray<readonly [given: unknown, param: string | undefined, message: string]> = [
  [[], undefined, 'The body must be an object, but an empty array came.'],
  ['x', undefined, 'The body must be an object, but a string came.'],
  [null, undefined, 'The body must be an object, but null came.'],
  [{}, 'name', "Missing required parameter: 'name'; a string was expected."],
  [{ name: null }, 'name', "'name' must be a string, but null came."],
  [{ name: '' }, 'name', "'name' must have at least 1 character, but an empty string came."],
  [{ ratio: '1' }, 'ratio', "'ratio' must be a number, but a string came."],
  [{ ratio: 2.5 }, 'ratio', "'ratio' must be at most 2, but 2.5 came."],
  [{ ratio: -1 }, 'ratio', "'ratio' must be at least 0, but -1 came."],
  [{ count: 1.5 }, 'count', "'count' must be an integer, but 1.5 came."],
  [{ count: true }, 'count', "'count' must be an integer, but true came."],
  [{ stop: 7 }, 'stop', "'stop' must be a string or an array, but 7 came."],
  [{ stop: ['a', 'b', 'c'] }, 'stop', "'stop' must have at most 2 items, but an array of 3 came."],
  [{ stop: ['a', 3] }, 'stop[1]', "'stop[1]' must be a string, but 3 came."],
  [{ mode: 'middling' }, 'mode', "'mode' must be one of 'fast', 'slow', but 'middling' came."],
  [{ bias: { '50256': 'x' } }, 'bias.50256', "'bias.50256' must be a number, but a string came."],
  [{ bias: [] }, 'bias', "'bias' must be an object, but an empty array came."],
  [{ label: 'A' }, 'label', "'label' must consist of small letters, but a string came."],
  [{ parts: [] }, 'parts', "'parts' must have at least 1 item, but an empty array came."],
  [{ parts: ['x'] }, 'parts[0]', "'parts[0]' must be an object, but a string came."],
  [{ parts: [{}] }, 'parts[0].type', "Missing required parameter: 'parts[0].type'."],
  [{ parts: [{ type: 'smell' }] }, 'parts[0].type', "'parts[0].type' must be one of 'text', 'image', 'sound', but 'smell' came."],
  [{ parts: [{ type: 'text' }] }, 'parts[0].text', "Missing required parameter: 'parts[0].text'; a string was expected."],
  [{ parts: [{ type: 'text', text: 1 }] }, 'parts[0].text', "'parts[0].text' must be a string, but 1 came."],
];

for (const [given, param, message] of refusals) {
  test(`${JSON.stringify(given)} is refused with what was expected and what came`, () => {
    const isObject = typeof given === 'object' && given !== null && !Array.isArray(given);
    const isAboutName = !isObject || Object.keys(given).length === 0 || 'name' in given;
    assert.deepEqual(refusalOf(isAboutName ? given : { name: 'x', ...given }), { message, param });
  });
}

test('null means absent where a field may be left out', () => {
  const body = { name: 'x', ratio: null, count: null, stop: null, mode: null, bias: null, label: null, parts: null };
  assert.equal(check(body), body);
});

test('unknown fields are accepted and nothing is coerced or added', () => {
  const body = { name: 'x', later: { deep: [1] }, parts: [{ type: 'text', text: 'a', extra: 1 }] };
  const before = structuredClone(body);
  assert.equal(check(body), body);
  assert.deepEqual(body, before);
});

test('text of a caller is not quoted unless a fixed word was expected', () => {
  assert.ok(!refusalOf({ name: 'x', ratio: 'my secret' }).message.includes('secret'));
});
