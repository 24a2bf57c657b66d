import type { JsonValue } from '../../../core/inference/index.ts';
import {
  anyString,
  anyTimes,
  chars,
  choice,
  colon,
  comma,
  empty,
  keyOf,
  plainChars,
  quoted,
  sequence,
  text,
  type Expression,
  type Grammar,
} from '../grammar/index.ts';
import type { SchemaScope } from './flat-schema.ts';
import { isJsonArray, isJsonObject, type Subschema } from './schema-document.ts';

interface Property {
  readonly name: string;
  readonly isRequired: boolean;
  readonly conjuncts: readonly Subschema[];
}

/**
 * Objects: declared properties in their order, optional ones left out or not, then further ones where the schema asks for them
 * (`additionalProperties` given, or nothing declared at all). Leaving out what `additionalProperties` would allow unasked is always valid.
 */
export function objectExpression(scope: SchemaScope): Expression {
  const properties = declaredProperties(scope);
  const extra = extraNodes(scope);
  refusePropertyCounts(scope, properties, extra !== undefined);
  const pairs = properties.map((property) => ({
    isRequired: property.isRequired,
    pair: scope.grammar.named('pair', sequence([keyOf(property.name), scope.compile(property.conjuncts)])),
  }));
  const extraPair = extra === undefined ? undefined : extraPairExpression(scope, properties, extra);
  return sequence([text('{'), membersExpression(scope.grammar, pairs, extraPair), text('}')]);
}

/** From the last member backwards: what may follow when something stands before, and what may stand first. */
function membersExpression(
  grammar: Grammar,
  pairs: readonly { isRequired: boolean; pair: Expression }[],
  extraPair: Expression | undefined,
): Expression {
  const more = extraPair === undefined ? empty : anyTimes(grammar.named('more', sequence([comma, extraPair])));
  let following = more;
  let first = extraPair === undefined ? empty : choice([sequence([extraPair, more]), empty]);
  for (const { isRequired, pair } of pairs.toReversed()) {
    const begun = sequence([pair, following]);
    const continued = sequence([comma, pair, following]);
    first = grammar.named('first', isRequired ? begun : choice([begun, first]));
    following = grammar.named('next', isRequired ? continued : choice([continued, following]));
  }
  return first;
}

function declaredProperties(scope: SchemaScope): Property[] {
  const required = new Set(scope.parts.flatMap((part) => requiredNames(scope, part.node, part.schema['required'])));
  const declared = scope.parts.flatMap((part) => Object.keys(propertiesOf(scope, part.node, part.schema['properties'])));
  return [...new Set([...declared, ...required])].map((name) => {
    const conjuncts = scope.parts.flatMap((part) => {
      const path = `${part.node.path}.properties`;
      const properties = propertiesOf(scope, part.node, part.schema['properties']);
      if (name === '__proto__') throw scope.document.refusal(path, 'cannot declare a property named __proto__');
      if (Object.hasOwn(properties, name)) return [scope.document.nodeOf(properties[name], `${path}.${name}`)];
      const additional = part.schema['additionalProperties'];
      return additional === undefined ? [] : [scope.document.nodeOf(additional, `${part.node.path}.additionalProperties`)];
    });
    return { name, isRequired: required.has(name), conjuncts };
  });
}

/** The schemas of properties that are not declared; undefined when there are to be none. */
function extraNodes(scope: SchemaScope): Subschema[] | undefined {
  const stated = scope.parts.filter((part) => part.schema['additionalProperties'] !== undefined);
  if (stated.some((part) => part.schema['additionalProperties'] === false)) return undefined;
  const hasProperties = scope.parts.some((part) => part.schema['properties'] !== undefined);
  if (stated.length === 0 && hasProperties) return undefined;
  return stated.map((part) =>
    scope.document.nodeOf(part.schema['additionalProperties'], `${part.node.path}.additionalProperties`),
  );
}

function extraPairExpression(scope: SchemaScope, properties: readonly Property[], extra: readonly Subschema[]): Expression {
  const names = properties.map((property) => property.name);
  const key = names.length === 0 ? anyString(scope.grammar) : quoted(otherName(scope.grammar, names));
  return scope.grammar.named('pair', sequence([key, colon, scope.compile(extra)]));
}

/**
 * Any name but these, without escapes, so that no second spelling of a declared name slips through: a trie of the names, left at the
 * first character that differs.
 */
function otherName(grammar: Grammar, names: readonly string[]): Expression {
  const plain = grammar.once('plain', () => chars(plainChars));
  const spelled = names.map((name) => [...name]).filter((name) => name.every(isPlain));
  const below = (rest: readonly (readonly string[])[]): Expression => {
    const nextChars = [...new Set(rest.flatMap((name) => name[0] ?? []))];
    const others = chars(withoutChars(nextChars));
    const branches = nextChars.map((char) => {
      const longer = rest.filter((name) => name[0] === char).map((name) => name.slice(1));
      return sequence([text(char), below(longer)]);
    });
    const end = rest.some((name) => name.length === 0) ? [] : [empty];
    return grammar.named('name', choice([...branches, sequence([others, anyTimes(plain)]), ...end]));
  };
  return below(spelled);
}

function isPlain(char: string): boolean {
  const code = char.codePointAt(0) ?? 0;
  return plainChars.some(([low, high]) => low <= code && code <= high);
}

function withoutChars(excluded: readonly string[]): (readonly [number, number])[] {
  const codes = excluded.map((char) => char.codePointAt(0) ?? 0).toSorted((a, b) => a - b);
  return codes.reduce<(readonly [number, number])[]>(
    (ranges, code) =>
      ranges.flatMap(([low, high]): (readonly [number, number])[] => {
        if (code < low || code > high) return [[low, high]];
        return (
          [
            [low, code - 1],
            [code + 1, high],
          ] as const
        ).filter(([from, to]) => from <= to);
      }),
    [...plainChars],
  );
}

function refusePropertyCounts(scope: SchemaScope, properties: readonly Property[], isOpen: boolean): void {
  const requiredCount = properties.filter((property) => property.isRequired).length;
  for (const { schema, node } of scope.parts) {
    const [least, most] = [schema['minProperties'], schema['maxProperties']];
    if (typeof least === 'number' && least > requiredCount) {
      throw scope.document.refusal(`${node.path}.minProperties`, 'is supported only where the required properties are enough');
    }
    if (typeof most === 'number' && (isOpen || most < properties.length)) {
      throw scope.document.refusal(`${node.path}.maxProperties`, 'is supported only where no more properties are declared');
    }
  }
}

function propertiesOf(scope: SchemaScope, node: Subschema, value: JsonValue | undefined): { readonly [name: string]: JsonValue } {
  if (value === undefined) return {};
  if (!isJsonObject(value)) throw scope.document.refusal(`${node.path}.properties`, 'must be an object of schemas');
  return value;
}

function requiredNames(scope: SchemaScope, node: Subschema, value: JsonValue | undefined): string[] {
  if (value === undefined) return [];
  const names = isJsonArray(value) ? value : [value];
  return names.map((name) => {
    if (typeof name !== 'string') throw scope.document.refusal(`${node.path}.required`, 'must be a list of property names');
    return name;
  });
}
