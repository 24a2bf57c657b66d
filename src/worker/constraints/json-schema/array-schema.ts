import { choice, comma, empty, never, sequence, text, type Expression } from '../grammar/index.ts';
import { highestCount, lowestCount } from './count-limits.ts';
import type { SchemaScope } from './flat-schema.ts';
import { isJsonArray, type Subschema } from './schema-document.ts';

/**
 * Arrays: the places of `prefixItems` in their order (all of them unless `minItems` asks for fewer), then more by `items` where it is
 * given. Leaving out what an absent `items` would allow after a prefix is always valid.
 */
export function arrayExpression(scope: SchemaScope): Expression {
  refuseUnique(scope);
  const prefix = prefixPlaces(scope);
  const hasItems = scope.parts.some((part) => part.schema['items'] !== undefined);
  const highest = highestCount(scope, 'maxItems');
  const most = prefix.length > 0 && !hasItems ? Math.min(prefix.length, highest ?? Infinity) : highest;
  const stated = scope.parts.some((part) => part.schema['minItems'] !== undefined);
  const least = stated ? lowestCount(scope, 'minItems') : Math.min(prefix.length, most ?? Infinity);
  return sequence([text('['), placesExpression(scope, { prefix, least, most }), text(']')]);
}

interface Places {
  readonly prefix: readonly Expression[];
  readonly least: number;
  readonly most: number | undefined;
}

/** From the last place backwards; an array may end before every place that `least` does not ask for. */
function placesExpression(scope: SchemaScope, places: Places): Expression {
  const { least, most } = places;
  if (most !== undefined && most < least) return never;
  const prefix = most === undefined ? places.prefix : places.prefix.slice(0, most);
  let rest = tailExpression(scope, { ...places, prefix });
  for (const [index, item] of [...prefix.entries()].toReversed()) {
    const here = sequence(index === 0 ? [item, rest] : [comma, item, rest]);
    rest = scope.grammar.named('place', index >= least ? choice([here, empty]) : here);
  }
  return rest;
}

/** The items after the prefix. */
function tailExpression(scope: SchemaScope, { prefix, least, most }: Places): Expression {
  const more = most === undefined ? undefined : most - prefix.length;
  if (more === 0) return empty;
  const item = scope.compile(itemNodes(scope, prefix.length));
  const needed = Math.max(0, least - prefix.length);
  const following = scope.grammar.named('more', sequence([comma, item]));
  if (prefix.length > 0) return scope.grammar.repeat(following, needed, more);
  const rest = scope.grammar.repeat(following, Math.max(0, needed - 1), more === undefined ? undefined : more - 1);
  const begun = sequence([item, rest]);
  return needed === 0 ? choice([begun, empty]) : begun;
}

function prefixPlaces(scope: SchemaScope): Expression[] {
  const length = Math.max(0, ...scope.parts.map((part) => prefixOf(scope, part).length));
  return Array.from({ length }, (_, index) => scope.compile(itemNodes(scope, index)));
}

function itemNodes(scope: SchemaScope, index: number): Subschema[] {
  return scope.parts.flatMap((part) => {
    const { node, schema } = part;
    const place = prefixOf(scope, part)[index];
    if (place !== undefined) return [scope.document.nodeOf(place, `${node.path}.prefixItems[${index}]`)];
    if (isJsonArray(schema['items'])) {
      throw scope.document.refusal(`${node.path}.items`, 'must be one schema; use prefixItems for a schema for each place');
    }
    return schema['items'] === undefined ? [] : [scope.document.nodeOf(schema['items'], `${node.path}.items`)];
  });
}

function prefixOf(scope: SchemaScope, part: SchemaScope['parts'][number]) {
  const prefix = part.schema['prefixItems'];
  if (prefix === undefined) return [];
  if (!isJsonArray(prefix)) throw scope.document.refusal(`${part.node.path}.prefixItems`, 'must be a list of schemas');
  return prefix;
}

function refuseUnique(scope: SchemaScope): void {
  const highest = highestCount(scope, 'maxItems');
  if (highest !== undefined && highest <= 1) return;
  for (const { schema, node } of scope.parts) {
    if (schema['uniqueItems'] === true)
      throw scope.document.refusal(`${node.path}.uniqueItems`, 'is not supported in structured output');
  }
}
