import type { JsonObject, JsonValue } from '../../../core/inference/index.ts';
import type { Expression, Grammar } from '../grammar/index.ts';
import { isJsonArray, isJsonObject, type SchemaDocument, type Subschema } from './schema-document.ts';

/** `number` stands for numbers that are no integers. */
export type JsonType = 'null' | 'boolean' | 'object' | 'array' | 'number' | 'integer' | 'string';

/** A schema without references and `allOf`: all `parts` hold at once, and of each group's branches one must hold. */
export interface FlatSchema {
  readonly isNever: boolean;
  readonly parts: readonly FlatPart[];
  readonly groups: readonly SchemaGroup[];
}

export interface FlatPart {
  readonly node: Subschema;
  readonly schema: JsonObject;
}

export interface SchemaGroup {
  readonly keyword: 'anyOf' | 'oneOf';
  readonly path: string;
  /** A node with nothing but this keyword. */
  readonly node: Subschema;
  readonly branches: readonly Subschema[];
}

/** What the expression of one type needs: its parts, and a way to compile the schemas below. */
export interface SchemaScope {
  readonly document: SchemaDocument;
  readonly grammar: Grammar;
  readonly parts: readonly FlatPart[];
  readonly compile: (conjuncts: readonly Subschema[]) => Expression;
}

const deepestInclusion = 64;

const combining = new Set(['$ref', 'allOf', 'anyOf', 'oneOf']);

const keywordsOfType: Readonly<Record<string, readonly JsonType[]>> = {
  properties: ['object'],
  required: ['object'],
  additionalProperties: ['object'],
  minProperties: ['object'],
  maxProperties: ['object'],
  items: ['array'],
  prefixItems: ['array'],
  minItems: ['array'],
  maxItems: ['array'],
  uniqueItems: ['array'],
  minLength: ['string'],
  maxLength: ['string'],
  pattern: ['string'],
  format: ['string'],
  minimum: ['integer', 'number'],
  maximum: ['integer', 'number'],
  exclusiveMinimum: ['integer', 'number'],
  exclusiveMaximum: ['integer', 'number'],
};

const meaningful = new Set([...Object.keys(keywordsOfType), ...combining, 'type', 'nullable', 'enum', 'const']);

/** Keywords that change what validates and that a grammar cannot hold (or that this one does not). */
const inexpressible = new Set([
  'not',
  'if',
  'then',
  'else',
  'patternProperties',
  'propertyNames',
  'contains',
  'minContains',
  'maxContains',
  'multipleOf',
  'dependencies',
  'dependentRequired',
  'dependentSchemas',
  'unevaluatedProperties',
  'unevaluatedItems',
  'additionalItems',
  '$dynamicRef',
  '$recursiveRef',
]);

const typeNames: Readonly<Record<string, readonly JsonType[]>> = {
  null: ['null'],
  boolean: ['boolean'],
  object: ['object'],
  array: ['array'],
  number: ['integer', 'number'],
  integer: ['integer'],
  string: ['string'],
};
const allTypes: readonly JsonType[] = ['null', 'boolean', 'object', 'array', 'number', 'integer', 'string'];

/** Follows `$ref` and `allOf` until only parts and groups are left. @throws PlinthError for a keyword that cannot be expressed. */
export function flattenSchema(document: SchemaDocument, conjuncts: readonly Subschema[]): FlatSchema {
  const parts = new Map<number, FlatPart>();
  const groups = new Map<number, SchemaGroup>();
  const done = new Set<number>();
  let isNever = false;
  const visit = (node: Subschema, above: readonly number[]): void => {
    if (node.schema === false) isNever = true;
    if (typeof node.schema === 'boolean') return;
    if (above.includes(node.id)) throw document.refusal(node.path, 'refers to itself without an end');
    if (above.length >= deepestInclusion)
      throw document.refusal(node.path, `combines more than ${deepestInclusion} schemas in a chain`);
    if (done.has(node.id)) return;
    done.add(node.id);
    refuseInexpressible(document, node, node.schema);
    for (const next of includedNodes(document, node, node.schema)) visit(next, [...above, node.id]);
    for (const group of groupsOf(document, node, node.schema)) groups.set(group.node.id, group);
    const plain = document.derive(node, 'plain', (keyword) => meaningful.has(keyword) && !combining.has(keyword));
    if (isJsonObject(plain.schema) && Object.keys(plain.schema).length > 0)
      parts.set(plain.id, { node: plain, schema: plain.schema });
  };
  for (const node of conjuncts) visit(node, []);
  return { isNever, parts: [...parts.values()], groups: [...groups.values()] };
}

/** The nodes that mean the same as the flat schema; with `except`, all but that group. */
export function conjunctsOf(flat: FlatSchema, except?: SchemaGroup): Subschema[] {
  const groups = flat.groups.filter((group) => group !== except);
  return [...flat.parts.map((part) => part.node), ...groups.map((group) => group.node)];
}

/**
 * The types that a value may have. Where no part says so, the keywords do: a schema with `properties` alone is written for objects, and
 * keeping to them is always valid.
 */
export function typesOf(document: SchemaDocument, parts: readonly FlatPart[]): Set<JsonType> {
  const stated = parts.filter((part) => part.schema['type'] !== undefined);
  const isEnumerated = parts.some((part) => Object.hasOwn(part.schema, 'enum') || Object.hasOwn(part.schema, 'const'));
  if (stated.length === 0 && !isEnumerated) {
    const implied = parts.flatMap((part) => Object.keys(part.schema).flatMap((keyword) => keywordsOfType[keyword] ?? []));
    return new Set(implied.length > 0 ? implied : allTypes);
  }
  return stated.reduce((types, part) => types.intersection(typesOfPart(document, part)), new Set(allTypes));
}

export function typesOfPart(document: SchemaDocument, part: FlatPart): Set<JsonType> {
  const written = part.schema['type'];
  if (written === undefined) return new Set(allTypes);
  const names = isJsonArray(written) ? written : [written];
  const types = names.map((name) => {
    const known = typeof name === 'string' && Object.hasOwn(typeNames, name) ? typeNames[name] : undefined;
    if (known === undefined) throw document.refusal(`${part.node.path}.type`, `must name JSON types, not ${shortJson(name)}`);
    return known;
  });
  return new Set([...types.flat(), ...(part.schema['nullable'] === true ? (['null'] as const) : [])]);
}

function includedNodes(document: SchemaDocument, node: Subschema, schema: JsonObject): Subschema[] {
  const reference = schema['$ref'];
  const referred = reference === undefined ? [] : [document.resolve(node, reference)];
  return [...referred, ...branchesOf(document, node, { schema, keyword: 'allOf' })];
}

function groupsOf(document: SchemaDocument, node: Subschema, schema: JsonObject): SchemaGroup[] {
  return (['anyOf', 'oneOf'] as const)
    .filter((keyword) => schema[keyword] !== undefined)
    .map((keyword) => ({
      keyword,
      path: `${node.path}.${keyword}`,
      node: document.derive(node, keyword, (name) => name === keyword),
      branches: branchesOf(document, node, { schema, keyword }),
    }));
}

function branchesOf(document: SchemaDocument, node: Subschema, at: { schema: JsonObject; keyword: string }): Subschema[] {
  const list = at.schema[at.keyword];
  if (list === undefined) return [];
  const path = `${node.path}.${at.keyword}`;
  if (!isJsonArray(list) || list.length === 0) throw document.refusal(path, 'must be a list of one or more schemas');
  return list.map((branch, index) => document.nodeOf(branch, `${path}[${index}]`));
}

function refuseInexpressible(document: SchemaDocument, node: Subschema, schema: JsonObject): void {
  for (const [keyword, value] of Object.entries(schema)) {
    const path = `${node.path}.${keyword}`;
    if (inexpressible.has(keyword) && !isVoid(keyword, value))
      throw document.refusal(path, 'is not supported in structured output');
    if (keyword === '$id' && node !== document.root) throw document.refusal(path, 'is not supported inside a schema');
  }
}

/** A keyword written so that it says nothing. */
function isVoid(keyword: string, value: JsonValue): boolean {
  if (keyword === 'unevaluatedProperties' || keyword === 'unevaluatedItems' || keyword === 'propertyNames') return value === true;
  if (keyword === 'multipleOf') return false;
  return (
    isJsonObject(value) && Object.keys(value).length === 0 && keyword !== 'not' && keyword !== 'contains' && keyword !== 'if'
  );
}

function shortJson(value: JsonValue): string {
  const written = JSON.stringify(value);
  return written.length > 60 ? `${written.slice(0, 60)}…` : written;
}
