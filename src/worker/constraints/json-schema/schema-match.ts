import type { JsonObject, JsonValue } from '../../../core/inference/index.ts';
import { flattenSchema, typesOfPart, type FlatPart, type JsonType } from './flat-schema.ts';
import { canonicalText, isJsonArray, isJsonObject, type SchemaDocument, type Subschema } from './schema-document.ts';
import { enforcedPatterns } from './string-schema.ts';

/**
 * The values that `enum` and `const` leave, of which every one fits all parts; undefined when nothing enumerates.
 * @throws PlinthError when a part holds a keyword that cannot be checked against a value.
 */
export function enumeratedValues(document: SchemaDocument, parts: readonly FlatPart[]): JsonValue[] | undefined {
  const lists = parts.flatMap((part) => listsOf(document, part));
  const [first] = lists;
  if (first === undefined) return undefined;
  const distinct = new Map(first.map((value) => [canonicalText(value), value]));
  return [...distinct.values()].filter((value) => parts.every((part) => fitsPart(document, part, value)));
}

/** Whether a value validates against all of `conjuncts`. */
export function fitsAll(document: SchemaDocument, conjuncts: readonly Subschema[], value: JsonValue): boolean {
  const flat = flattenSchema(document, conjuncts);
  if (flat.isNever || !flat.parts.every((part) => fitsPart(document, part, value))) return false;
  return flat.groups.every((group) => {
    const fitting = group.branches.filter((branch) => fitsAll(document, [branch], value)).length;
    return group.keyword === 'anyOf' ? fitting > 0 : fitting === 1;
  });
}

function listsOf(document: SchemaDocument, part: FlatPart): (readonly JsonValue[])[] {
  const lists: (readonly JsonValue[])[] = [];
  const values = part.schema['enum'];
  if (values !== undefined) {
    if (!isJsonArray(values)) throw document.refusal(`${part.node.path}.enum`, 'must be a list of values');
    lists.push(values);
  }
  if (part.schema['const'] !== undefined) lists.push([part.schema['const']]);
  return lists;
}

function fitsPart(document: SchemaDocument, part: FlatPart, value: JsonValue): boolean {
  const isListed = listsOf(document, part).every((list) => list.some((item) => canonicalText(item) === canonicalText(value)));
  if (!isListed || !typesOfPart(document, part).has(typeOf(value))) return false;
  if (typeof value === 'string') return fitsString(document, part, value);
  if (typeof value === 'number') return fitsNumber(part.schema, value);
  if (isJsonArray(value)) return fitsArray(document, part, value);
  return !isJsonObject(value) || fitsObject(document, part, value);
}

function fitsString(document: SchemaDocument, part: FlatPart, value: string): boolean {
  const [pattern] = enforcedPatterns(document, [part]);
  if (pattern !== undefined) throw document.refusal(pattern.path, 'is not supported beside enum, const or oneOf');
  const length = [...value].length;
  return length >= numberOf(part.schema, 'minLength', 0) && length <= numberOf(part.schema, 'maxLength', Infinity);
}

function fitsNumber(schema: JsonObject, value: number): boolean {
  return (
    value >= numberOf(schema, 'minimum', -Infinity) &&
    value <= numberOf(schema, 'maximum', Infinity) &&
    value > numberOf(schema, 'exclusiveMinimum', -Infinity) &&
    value < numberOf(schema, 'exclusiveMaximum', Infinity)
  );
}

function fitsArray(document: SchemaDocument, part: FlatPart, value: readonly JsonValue[]): boolean {
  const { schema, node } = part;
  if (schema['uniqueItems'] === true && new Set(value.map(canonicalText)).size < value.length) return false;
  if (value.length < numberOf(schema, 'minItems', 0) || value.length > numberOf(schema, 'maxItems', Infinity)) return false;
  const prefix = isJsonArray(schema['prefixItems']) ? schema['prefixItems'] : [];
  return value.every((item, index) => {
    const itemSchema = prefix[index] ?? schema['items'];
    return itemSchema === undefined || fitsAll(document, [document.nodeOf(itemSchema, `${node.path}.items`)], item);
  });
}

function fitsObject(document: SchemaDocument, part: FlatPart, value: JsonObject): boolean {
  const { schema, node } = part;
  const count = Object.keys(value).length;
  if (count < numberOf(schema, 'minProperties', 0) || count > numberOf(schema, 'maxProperties', Infinity)) return false;
  const required = isJsonArray(schema['required']) ? schema['required'] : [];
  if (!required.every((name) => typeof name === 'string' && Object.hasOwn(value, name))) return false;
  const properties = isJsonObject(schema['properties']) ? schema['properties'] : {};
  return Object.entries(value).every(([name, item]) => {
    const itemSchema = Object.hasOwn(properties, name) ? properties[name] : schema['additionalProperties'];
    return itemSchema === undefined || fitsAll(document, [document.nodeOf(itemSchema, `${node.path}.properties.${name}`)], item);
  });
}

function numberOf(schema: JsonObject, keyword: string, otherwise: number): number {
  const value = schema[keyword];
  return typeof value === 'number' ? value : otherwise;
}

function typeOf(value: JsonValue): JsonType {
  if (value === null) return 'null';
  if (isJsonArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value === 'object' ? 'object' : typeof value === 'string' ? 'string' : 'boolean';
}
