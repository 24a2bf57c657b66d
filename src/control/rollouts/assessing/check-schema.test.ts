import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import type { JsonObject, JsonValue } from '../../../core/inference/index.ts';
import { checkSchema } from './check-schema.ts';

const person: JsonValue = {
  type: 'object',
  properties: { name: { type: 'string', minLength: 1 }, age: { type: 'integer', minimum: 0 }, friend: { $ref: '#' } },
  required: ['name'],
  additionalProperties: false,
};

const cases: ReadonlyArray<readonly [schema: JsonValue, value: JsonValue, fit: string]> = [
  [person, { name: 'Ada', age: 36, friend: { name: 'Bob' } }, 'yes'],
  [person, { name: 'Ada', friend: { name: '' } }, 'no'],
  [person, { age: 3 }, 'no'],
  [person, { name: 'Ada', other: 1 }, 'no'],
  [{ type: 'string', pattern: '(a+)+$' }, 'aaaa', 'unknown'],
  [{ type: 'string', pattern: '(a+)+$' }, 7, 'no'],
  [{ not: { pattern: 'x' } }, 'x', 'unknown'],
  [{ not: { type: 'string' } }, 'x', 'no'],
  [{ type: 'string', format: 'email' }, 'x', 'unknown'],
  [{ patternProperties: { '^x': { type: 'number' } } }, { x: 'a' }, 'unknown'],
  [{ $ref: 'https://elsewhere.example/schema' }, 1, 'unknown'],
  [{ $ref: '#/$defs/missing' }, 1, 'unknown'],
  [{ $defs: { 'a/b': { type: 'number' } }, $ref: '#/$defs/a~1b' }, 'x', 'no'],
  [{ items: [{ type: 'number' }], additionalItems: false }, [1, 2], 'no'],
  [{ if: { type: 'number' }, then: { minimum: 3 }, else: { type: 'null' } }, 2, 'no'],
  [{ if: { type: 'number' }, then: { minimum: 3 }, else: { type: 'null' } }, null, 'yes'],
  [{ multipleOf: 0.1 }, 0.3, 'yes'],
  [{ multipleOf: 0.1 }, 0.35, 'no'],
  [{ maxLength: 1 }, '😀', 'yes'],
  [{ dependentRequired: { a: ['b'] } }, { a: 1 }, 'no'],
  [true, 1, 'yes'],
  [false, 1, 'no'],
  ['nonsense', 1, 'unknown'],
];

for (const [schema, value, fit] of cases) {
  test(`${JSON.stringify(value)} against ${JSON.stringify(schema)} is ${fit}`, () => {
    assert.equal(checkSchema(schema, value), fit);
  });
}

test('a schema that goes on for ever comes to an end', () => {
  assert.equal(checkSchema({ $ref: '#' }, 1), 'unknown');
  assert.equal(checkSchema({ allOf: [{ $ref: '#' }, { $ref: '#' }] }, 1), 'unknown');
  let bomb: JsonValue = { type: 'null' };
  for (let depth = 0; depth < 60; depth++) bomb = { anyOf: [bomb, bomb, { type: 'string' }] };
  assert.equal(checkSchema(bomb, 1), 'unknown');
  const many = Array.from({ length: 50_000 }, (_, at) => at);
  assert.equal(checkSchema({ uniqueItems: true }, many), 'unknown');
});

const leaf: fc.Arbitrary<JsonObject> = fc.oneof(
  fc.record({ type: fc.constantFrom('string', 'number', 'integer', 'boolean', 'null', 'array', 'object') }),
  fc.record({ type: fc.uniqueArray(fc.constantFrom('string', 'integer', 'null'), { minLength: 1 }) }),
  fc.record({ const: fc.constantFrom<JsonValue>(1, 'a', null, { a: 1, b: 2 }, [1]) }),
  fc.record({ enum: fc.uniqueArray(fc.constantFrom<JsonValue>(1, 2, 'a', 'b', true), { minLength: 1 }) }),
  fc.record({ minimum: fc.integer({ min: -2, max: 3 }) }),
  fc.record({ exclusiveMaximum: fc.integer({ min: -2, max: 3 }) }),
  fc.record({ minLength: fc.nat(2), maxLength: fc.nat(3) }),
  fc.record({ uniqueItems: fc.constant(true), maxItems: fc.nat(4) }),
  fc.record({ required: fc.uniqueArray(fc.constantFrom('a', 'b'), { minLength: 1 }) }),
  fc.record({ minProperties: fc.nat(2) }),
);
const { schema: anySchema } = fc.letrec<{ schema: JsonObject }>((tie) => {
  const inner = tie('schema');
  const list = fc.array(inner, { minLength: 1, maxLength: 3 });
  return {
    schema: fc.oneof(
      { maxDepth: 3 },
      leaf,
      fc.record({ properties: fc.record({ a: inner, b: inner }), additionalProperties: fc.oneof(fc.boolean(), inner) }),
      fc.record({ items: inner }),
      fc.record({ prefixItems: list, items: fc.oneof(fc.boolean(), inner) }),
      fc.record({ allOf: list }),
      fc.record({ anyOf: list }),
      fc.record({ oneOf: list }),
      fc.record({ not: inner }),
      fc.record({ if: inner, then: inner, else: inner }),
      fc.record({ contains: inner, minContains: fc.nat(2) }),
      fc.record({ propertyNames: inner }),
      fc.record({ dependentSchemas: fc.record({ a: inner }) }),
    ),
  };
});
const anyValue = fc.jsonValue({ maxDepth: 2, noUnicodeString: true }) as fc.Arbitrary<JsonValue>;
const likelyValue: fc.Arbitrary<JsonValue> = fc.oneof(
  anyValue,
  fc.constantFrom<JsonValue>(
    0,
    1,
    2,
    'a',
    'ab',
    null,
    true,
    [],
    [1, 1],
    [1, 'a', null],
    {},
    { a: 1 },
    { a: 'a', b: [1] },
    { a: 1, b: 2 },
  ),
);

test('what it says is what a validator of the specification says', () => {
  const ajv = new Ajv2020({ strict: false, logger: false });
  fc.assert(
    fc.property(anySchema, fc.array(likelyValue, { minLength: 1, maxLength: 6 }), (schema, values) => {
      const validate = ajv.compile(schema);
      for (const value of values)
        assert.equal(checkSchema(schema, value), validate(value) ? 'yes' : 'no', JSON.stringify({ schema, value }));
    }),
    { numRuns: 400 },
  );
});
