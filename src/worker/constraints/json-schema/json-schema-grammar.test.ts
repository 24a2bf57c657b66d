import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { PlinthError } from '../../../core/errors/index.ts';
import type { JsonObject, JsonValue } from '../../../core/inference/index.ts';
import { Gbnf } from '../../../../tests/support/gbnf.ts';
import { jsonObjectGrammar, jsonSchemaToGrammar } from './index.ts';

const param = 'response_format.json_schema.schema';
const grammarOf = (schema: JsonValue): Gbnf => new Gbnf(jsonSchemaToGrammar(schema, { param }));

function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    return ((state ^ (state >>> 13)) >>> 0) / 2 ** 32;
  };
}

/** Every sampled sentence parses and validates; returns them. */
function sampleValid(schema: JsonObject | boolean, { seed, count }: { seed: number; count: number }): string[] {
  const validate = new Ajv2020({ strict: false, validateFormats: false }).compile(schema);
  const grammar = grammarOf(schema);
  return Array.from({ length: count }, (_, index) => {
    const text = grammar.sample(randomFrom(seed + index * 7_919));
    const value: unknown = JSON.parse(text);
    assert.ok(validate(value), `${text} fails ${JSON.stringify(schema)}: ${JSON.stringify(validate.errors)}`);
    return text;
  });
}

function refusal(schema: JsonValue): PlinthError {
  try {
    jsonSchemaToGrammar(schema, { param });
  } catch (error) {
    assert.ok(error instanceof PlinthError, String(error));
    assert.equal(error.code, 'unsupported_schema');
    assert.equal(error.facts.param, param);
    return error;
  }
  throw new assert.AssertionError({ message: `taken: ${JSON.stringify(schema)}` });
}

const bound = fc.oneof(
  fc.integer({ min: -2_000, max: 2_000 }),
  fc.integer({ min: -500, max: 500 }).map((value) => value / 100),
);
const names = fc.constantFrom('a', 'b', 'ab', 'na"me', 'ключ', '');
const scalars = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.integer({ min: -9, max: 9 }),
  fc.constantFrom('a', 'x\ny', '"', '😀'),
);
const optionalKeys: { requiredKeys: ['type'] } = { requiredKeys: ['type'] };

const leaf = fc.oneof(
  fc.record(
    { type: fc.constant('integer'), minimum: bound, maximum: bound, exclusiveMinimum: bound, exclusiveMaximum: bound },
    optionalKeys,
  ),
  fc.record(
    { type: fc.constant('number'), minimum: bound, maximum: bound, exclusiveMinimum: bound, exclusiveMaximum: bound },
    optionalKeys,
  ),
  fc.record({ type: fc.constant('string'), minLength: fc.nat(4), maxLength: fc.nat(90) }, optionalKeys),
  fc.record({
    type: fc.constant('string'),
    pattern: fc.constantFrom('^[a-z]{2,}$', 'x|^y', '^\\w+\\s?"\\d*$', '^(a|bc){1,3}$', '[^a]'),
  }),
  fc.record({
    type: fc.constant('string'),
    pattern: fc.constantFrom('^a[a-z]*$', '^.+$'),
    maxLength: fc.integer({ min: 2, max: 9 }),
  }),
  fc.record({ type: fc.constantFrom('boolean', 'null', ['string', 'null'], ['integer', 'object']) }),
  fc.record(
    { enum: fc.array(scalars, { minLength: 1, maxLength: 4 }), type: fc.constantFrom('string', ['string', 'integer']) },
    { requiredKeys: ['enum'] },
  ),
  fc.record({ const: scalars }),
  fc.constant({}),
);

const { schema: anySchema } = fc.letrec<{ schema: JsonObject | boolean }>((tie) => {
  const below = tie('schema');
  return {
    schema: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      leaf,
      fc.record(
        {
          type: fc.constant('object'),
          properties: fc.dictionary(names, below, { maxKeys: 4, noNullPrototype: true }),
          required: fc.uniqueArray(names, { maxLength: 2 }),
          additionalProperties: fc.oneof(fc.boolean(), below),
        },
        optionalKeys,
      ),
      fc.record(
        {
          type: fc.constant('array'),
          items: below,
          prefixItems: fc.array(below, { minLength: 1, maxLength: 3 }),
          minItems: fc.nat(3),
          maxItems: fc.nat(6),
        },
        optionalKeys,
      ),
      fc.record({ anyOf: fc.array(below, { minLength: 1, maxLength: 3 }) }),
      fc.record(
        {
          allOf: fc.array(below, { minLength: 1, maxLength: 2 }),
          properties: fc.dictionary(names, below, { maxKeys: 2, noNullPrototype: true }),
        },
        { requiredKeys: ['allOf'] },
      ),
      fc.record({ oneOf: fc.array(below, { minLength: 1, maxLength: 3 }) }),
      fc.record({ $ref: fc.constantFrom('#', '#/$defs/one') }),
    ),
  };
});

test('every sentence of a random schema parses and validates', () => {
  let taken = 0;
  fc.assert(
    fc.property(anySchema, anySchema, fc.nat(), (schema, one, seed) => {
      // A definition that is nothing but a reference to itself overflows ajv, even where it is never used.
      fc.pre(typeof one === 'boolean' || !JSON.stringify(one).includes('$defs'));
      const root: JsonObject = { $defs: { one }, ...(typeof schema === 'boolean' ? {} : schema) };
      try {
        jsonSchemaToGrammar(root, { param });
      } catch (error) {
        assert.ok(error instanceof PlinthError && error.code === 'unsupported_schema', String(error));
        return;
      }
      taken += 1;
      sampleValid(root, { seed, count: 4 });
    }),
    { numRuns: 200 },
  );
  assert.ok(taken > 50, `only ${taken} schemas were taken`);
});

test('common schemas take the texts that a model writes', () => {
  const person: JsonObject = {
    type: 'object',
    properties: {
      name: { type: 'string' },
      age: { type: 'integer', minimum: 0, maximum: 130 },
      email: { type: ['string', 'null'], format: 'email' },
    },
    required: ['name', 'age'],
    additionalProperties: false,
  };
  const grammar = grammarOf({ type: 'array', items: person, minItems: 1 });
  assert.ok(grammar.accepts('[{"name": "Zoë \\"Z\\"", "age": 7}, {"name":"","age":130,"email":"a.b@c-d.example"}]'));
  assert.ok(grammar.accepts('[{"name":"x","age":0,"email": null}]'));
  for (const wrong of [
    '[]',
    '[{"age":1,"name":"x"}]',
    '[{"name":"x","age":131}]',
    '[{"name":"x","age":1,"more":1}]',
    '[{"name":"\n","age":1}]',
  ]) {
    assert.ok(!grammar.accepts(wrong), wrong);
  }
});

test('integer bounds hold exactly at their edges', () => {
  fc.assert(
    fc.property(fc.integer({ min: -3_000, max: 3_000 }), fc.nat(2_500), fc.boolean(), (low, span, isExclusive) => {
      const high = low + span + (isExclusive ? 2 : 0);
      const limits = isExclusive ? { exclusiveMinimum: low, exclusiveMaximum: high } : { minimum: low, maximum: high };
      const grammar = grammarOf({ type: 'integer', ...limits });
      const [least, most] = isExclusive ? [low + 1, high - 1] : [low, high];
      for (const inside of [least, most, Math.trunc((least + most) / 2)]) assert.ok(grammar.accepts(String(inside)), `${inside}`);
      for (const outside of [least - 1, most + 1, least - 1_000, most + 10_000])
        assert.ok(!grammar.accepts(String(outside)), `${outside}`);
    }),
    { numRuns: 60 },
  );
});

test('number bounds with decimals hold at their edges', () => {
  const share = grammarOf({ type: 'number', minimum: 0, maximum: 1 });
  for (const inside of ['0', '0.5', '1', '0.000001']) assert.ok(share.accepts(inside), inside);
  for (const outside of ['-0.1', '1.1', '2', '-1', '1e3']) assert.ok(!share.accepts(outside), outside);
  const open = grammarOf({ type: 'number', exclusiveMinimum: -0.25, exclusiveMaximum: 0.25 });
  for (const inside of ['-0.249', '0.00', '0.2499']) assert.ok(open.accepts(inside), inside);
  for (const outside of ['-0.25', '0.25', '0.250', '-0.250']) assert.ok(!open.accepts(outside), outside);
});

test('recursive references become recursive rules', () => {
  const tree: JsonObject = {
    $defs: {
      tree: { type: 'object', properties: { next: { anyOf: [{ $ref: '#/$defs/tree' }, { type: 'null' }] } }, required: ['next'] },
    },
    $ref: '#/$defs/tree',
  };
  assert.ok(grammarOf(tree).accepts('{"next": {"next": {"next": null}}}'));
  sampleValid(tree, { seed: 5, count: 20 });
});

test('oneOf takes branches that a constant property tells apart', () => {
  const shape = (kind: string, more: JsonObject): JsonObject => ({
    type: 'object',
    properties: { kind: { const: kind }, ...more },
    required: ['kind'],
  });
  const schema: JsonObject = {
    oneOf: [shape('circle', { r: { type: 'number' } }), shape('square', { side: { type: 'number' } })],
  };
  sampleValid(schema, { seed: 3, count: 20 });
  assert.ok(grammarOf(schema).accepts('{"kind": "square", "side": 2}'));
});

test('a long maxLength stays a small grammar and is exact', () => {
  const text = jsonSchemaToGrammar({ type: 'string', minLength: 3, maxLength: 1_000 }, { param });
  const grammar = new Gbnf(text);
  assert.ok(text.length < 20_000);
  for (const length of [3, 63, 64, 65, 128, 700, 1_000]) assert.ok(grammar.accepts(`"${'é'.repeat(length)}"`), `${length}`);
  for (const length of [2, 1_001]) assert.ok(!grammar.accepts(`"${'é'.repeat(length)}"`), `${length}`);
});

test('an additional property never repeats a declared name', () => {
  const grammar = grammarOf({
    type: 'object',
    properties: { ab: { type: 'string' } },
    additionalProperties: { type: 'integer' },
  });
  for (const inside of ['{"ab": "x", "a": 1}', '{"abc": 1}', '{"": 0, "b": 2}']) assert.ok(grammar.accepts(inside), inside);
  for (const outside of ['{"ab": 1}', '{"ab": "x", "ab": 1}', String.raw`{"\u0061b": 1}`])
    assert.ok(!grammar.accepts(outside), outside);
});

test('formats write dates, times and addresses that exist', () => {
  const text = grammarOf({ type: 'string', format: 'date' });
  for (const inside of ['"2024-02-29"', '"1999-12-31"', '"2023-04-30"']) assert.ok(text.accepts(inside), inside);
  for (const outside of ['"2023-02-29"', '"2023-04-31"', '"2023-13-01"', '"1900-02-29"'])
    assert.ok(!text.accepts(outside), outside);
  for (const written of sampleValid({ type: 'string', format: 'date-time' }, { seed: 1, count: 40 })) {
    assert.ok(!Number.isNaN(Date.parse(String(JSON.parse(written)).replace(/[+-]\d\d:\d\d$/, 'Z'))), written);
  }
  assert.ok(grammarOf({ type: 'string', format: 'ipv4' }).accepts('"127.0.0.1"'));
  assert.ok(grammarOf({ type: 'string', format: 'uuid' }).accepts('"123e4567-e89b-12d3-a456-426614174000"'));
});

test('what cannot be guaranteed is refused with its keyword and place', () => {
  const inAge = (schema: JsonObject): JsonObject => ({ type: 'object', properties: { age: schema } });
  const cases: [JsonObject, string][] = [
    [inAge({ type: 'integer', multipleOf: 5 }), 'properties.age.multipleOf'],
    [{ not: {} }, 'not'],
    [{ if: { type: 'string' }, then: { minLength: 1 } }, 'if'],
    [{ type: 'object', patternProperties: { x: {} } }, 'patternProperties'],
    [{ type: 'object', propertyNames: { minLength: 2 } }, 'propertyNames'],
    [{ type: 'object', properties: { a: {} }, minProperties: 1 }, 'minProperties'],
    [{ type: 'object', dependentRequired: { a: ['b'] } }, 'dependentRequired'],
    [{ type: 'array', items: { type: 'array', uniqueItems: true } }, 'items.uniqueItems'],
    [{ type: 'array', contains: {} }, 'contains'],
    [{ type: 'array', items: [{}] }, 'items'],
    [{ oneOf: [{ type: 'object', properties: { a: {} } }, { type: 'object' }] }, 'oneOf'],
    [{ allOf: [{ type: 'string', pattern: 'a' }, { pattern: 'b' }] }, 'pattern'],
    [{ type: 'string', pattern: '^(?=a)' }, 'pattern'],
    [{ type: 'string', pattern: '(' }, 'pattern'],
    [{ type: 'string', pattern: '^(ab|c)*$', maxLength: 5 }, 'pattern'],
    [{ type: 'string', pattern: '^a+$', enum: ['a'] }, 'pattern'],
    [{ type: 'string', maxLength: 70_000 }, 'maxLength'],
    [{ type: 'number', minimum: 0.00000001 }, 'minimum'],
    [{ type: 'text' }, 'type'],
    [{ $ref: 'https://elsewhere.example/schema' }, '$ref'],
    [{ $ref: '#/$defs/none' }, '$ref'],
  ];
  for (const [schema, place] of cases) {
    const { message } = refusal(schema);
    assert.ok(
      message.startsWith(`${param}.${place} `) || message.startsWith(`${param}.allOf[1].${place} `),
      `${message} for ${place}`,
    );
  }
});

test('contradictions, endless schemas and oversized ones are refused', () => {
  const endless: JsonObject = { type: 'object', properties: { again: { $ref: '#' } }, required: ['again'] };
  const wide: JsonObject = {
    type: 'object',
    properties: Object.fromEntries(Array.from({ length: 4_000 }, (_, i) => [`p${i}`, { type: 'string', maxLength: i }])),
  };
  let deep: JsonObject = { type: 'null' };
  for (let level = 0; level < 200; level += 1) deep = { type: 'array', items: deep };
  const contradictory: (JsonObject | boolean)[] = [
    false,
    { type: 'integer', minimum: 5, maximum: 4 },
    { type: 'string', minLength: 3, maxLength: 2 },
    { allOf: [{ type: 'string' }, { type: 'integer' }] },
    { type: 'object', properties: { a: { type: 'string' } }, required: ['b'], additionalProperties: false },
    { type: 'string', enum: [1, 2] },
    endless,
  ];
  for (const schema of contradictory) assert.match(refusal(schema).message, /can never be satisfied/, JSON.stringify(schema));
  assert.match(refusal({ $ref: '#' }).message, /refers to itself/);
  assert.match(refusal({ anyOf: [{ $ref: '#' }, { type: 'null' }] }).message, /refers to itself/);
  assert.match(refusal(wide).message, /more than 5000 grammar rules|larger than/);
  assert.match(refusal(deep).message, /deeper than 64/);
});

test('the grammar of json_object takes objects only', () => {
  const grammar = new Gbnf(jsonObjectGrammar());
  for (const inside of ['{}', '{"a": [1, -2.5e10, {"b": null}], "c":"\\u00e9"}']) assert.ok(grammar.accepts(inside), inside);
  for (const outside of ['[]', '"x"', '{a:1}', '{"a":01}', '{"a": 1', '{"a":  1}', '{"a":"\\ud800"}'])
    assert.ok(!grammar.accepts(outside), outside);
});
