import { quoted, stringChar, type Expression } from '../grammar/index.ts';
import { formatPattern, patternExpression, PatternError } from '../pattern/index.ts';
import { highestCount, lowestCount } from './count-limits.ts';
import type { FlatPart, SchemaScope } from './flat-schema.ts';
import type { SchemaDocument } from './schema-document.ts';

/** Strings by length (in Unicode characters) and by one pattern or format. */
export function stringExpression(scope: SchemaScope): Expression {
  const minLength = lowestCount(scope, 'minLength');
  const maxLength = highestCount(scope, 'maxLength');
  const [enforced, other] = enforcedPatterns(scope.document, scope.parts);
  if (other !== undefined) throw scope.document.refusal(other.path, 'cannot be combined with another pattern or format');
  if (enforced === undefined) return quoted(scope.grammar.repeat(stringChar(scope.grammar), minLength, maxLength));
  try {
    return quoted(patternExpression(scope.grammar, { pattern: enforced.pattern, minLength, maxLength }));
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    throw scope.document.refusal(enforced.path, error.message);
  }
}

export interface EnforcedPattern {
  readonly pattern: string;
  readonly path: string;
}

/**
 * The distinct patterns that a string must match. A format counts where it can be guaranteed and nothing else describes the text: beside
 * a `pattern`, and where this house does not know it, `format` is the annotation that JSON Schema takes it for.
 */
export function enforcedPatterns(document: SchemaDocument, parts: readonly FlatPart[]): EnforcedPattern[] {
  const patterns = parts.flatMap(({ schema, node }): EnforcedPattern[] => {
    const pattern = schema['pattern'];
    if (pattern === undefined) return [];
    const path = `${node.path}.pattern`;
    if (typeof pattern !== 'string') throw document.refusal(path, 'must be a regular expression');
    return [{ pattern, path }];
  });
  const formats = parts.flatMap(({ schema, node }): EnforcedPattern[] => {
    const pattern = typeof schema['format'] === 'string' ? formatPattern(schema['format']) : undefined;
    return pattern === undefined ? [] : [{ pattern, path: `${node.path}.format` }];
  });
  const all = patterns.length > 0 ? patterns : formats;
  return [...new Map(all.map((each) => [each.pattern, each])).values()];
}
