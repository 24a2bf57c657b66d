import {
  conjunctsOf,
  flattenSchema,
  typesOf,
  typesOfPart,
  type FlatPart,
  type FlatSchema,
  type JsonType,
} from './flat-schema.ts';
import { isJsonArray, isJsonObject, type SchemaDocument, type Subschema } from './schema-document.ts';
import { enumeratedValues, fitsAll } from './schema-match.ts';

const deepestComparison = 6;
const mostComparisons = 2_000;

/** Whether it is certain that no value fits both sets of schemas. */
export function areDisjoint(document: SchemaDocument, left: readonly Subschema[], right: readonly Subschema[]): boolean {
  return compare({ document, left: mostComparisons }, [left, right], 0);
}

interface Comparing {
  readonly document: SchemaDocument;
  /** Comparisons left. */
  left: number;
}

type Pair = readonly [left: readonly Subschema[], right: readonly Subschema[]];

function compare(work: Comparing, [left, right]: Pair, depth: number): boolean {
  const { document } = work;
  work.left -= 1;
  if (depth > deepestComparison || work.left < 0) return false;
  const [a, b] = [flattenSchema(document, left), flattenSchema(document, right)];
  if (a.isNever || b.isNever) return true;
  const group = a.groups[0];
  if (group !== undefined) {
    const rest = conjunctsOf(a, group);
    return group.branches.every((branch) => compare(work, [[...rest, branch], right], depth + 1));
  }
  if (b.groups[0] !== undefined) return compare(work, [right, left], depth + 1);
  return valuesApart(document, [a, right]) || valuesApart(document, [b, left]) || shapesApart(work, [a, b], depth);
}

/** All values that the first names fail the second. */
function valuesApart(document: SchemaDocument, [flat, other]: readonly [FlatSchema, readonly Subschema[]]): boolean {
  const values = enumeratedValues(document, flat.parts);
  return values !== undefined && values.every((value) => !fitsAll(document, other, value));
}

function shapesApart(work: Comparing, [a, b]: readonly [FlatSchema, FlatSchema], depth: number): boolean {
  const { document } = work;
  const shared = statedTypes(document, a.parts).intersection(statedTypes(document, b.parts));
  if (shared.size === 0) return true;
  if (shared.size > 1 || !shared.has('object')) return false;
  const [requiredByA, requiredByB] = [requiredOf(a.parts), requiredOf(b.parts)];
  const isMissing =
    [...requiredByA].some((name) => forbids(b.parts, name)) || [...requiredByB].some((name) => forbids(a.parts, name));
  if (isMissing) return true;
  const both = [...requiredByA.intersection(requiredByB)];
  return both.some((name) =>
    compare(work, [propertyNodes(document, a.parts, name), propertyNodes(document, b.parts, name)], depth + 1),
  );
}

/** Unlike `typesOf`, takes nothing for granted: without a `type`, every type validates. */
function statedTypes(document: SchemaDocument, parts: readonly FlatPart[]): Set<JsonType> {
  if (parts.length === 0) return typesOf(document, []);
  return parts.map((part) => typesOfPart(document, part)).reduce((types, next) => types.intersection(next));
}

function requiredOf(parts: readonly FlatPart[]): Set<string> {
  const names = parts.flatMap((part) => (isJsonArray(part.schema['required']) ? part.schema['required'] : []));
  return new Set(names.filter((name) => typeof name === 'string'));
}

function forbids(parts: readonly FlatPart[], name: string): boolean {
  return parts.some((part) => {
    const properties = part.schema['properties'];
    const isDeclared = isJsonObject(properties) && Object.hasOwn(properties, name);
    return part.schema['additionalProperties'] === false && !isDeclared;
  });
}

function propertyNodes(document: SchemaDocument, parts: readonly FlatPart[], name: string): Subschema[] {
  return parts.flatMap((part) => {
    const properties = part.schema['properties'];
    if (!isJsonObject(properties) || !Object.hasOwn(properties, name)) return [];
    return [document.nodeOf(properties[name], `${part.node.path}.properties.${name}`)];
  });
}
