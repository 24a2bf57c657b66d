import type { SchemaScope } from './flat-schema.ts';

type CountKeyword = 'minItems' | 'maxItems' | 'minLength' | 'maxLength';

/** Above this a bounded repetition would need too large a grammar. */
const mostCounted = 65_536;

/** The strictest `min…` keyword of all parts; 0 when none is given. */
export function lowestCount(scope: SchemaScope, keyword: CountKeyword): number {
  return Math.max(0, ...countsOf(scope, keyword));
}

/** The strictest `max…` keyword of all parts. */
export function highestCount(scope: SchemaScope, keyword: CountKeyword): number | undefined {
  const counts = countsOf(scope, keyword);
  return counts.length === 0 ? undefined : Math.min(...counts);
}

function countsOf(scope: SchemaScope, keyword: CountKeyword): number[] {
  return scope.parts.flatMap(({ schema, node }) => {
    const value = schema[keyword];
    if (value === undefined) return [];
    const path = `${node.path}.${keyword}`;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 0)
      throw scope.document.refusal(path, 'must be a whole number, 0 or more');
    if (value > mostCounted) throw scope.document.refusal(path, `is supported up to ${mostCounted}`);
    return [value];
  });
}
