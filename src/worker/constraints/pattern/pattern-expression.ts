import {
  anyTimes,
  chars,
  choice,
  empty,
  plainChars,
  sequence,
  stringChar,
  text,
  type CharRange,
  type Expression,
  type Grammar,
} from '../grammar/index.ts';
import { intersect } from './char-sets.ts';
import { parsePattern } from './parse-pattern.ts';
import { lengthsOf, PatternError, type PatternAlternative, type PatternTree } from './pattern-tree.ts';

export interface PatternOptions {
  readonly pattern: string;
  readonly minLength: number;
  readonly maxLength: number | undefined;
}

/**
 * What may stand between the quotes of a JSON string so that the string matches the pattern and has the length.
 * @throws PatternError when that cannot be guaranteed.
 */
export function patternExpression(grammar: Grammar, options: PatternOptions): Expression {
  const alternatives = parsePattern(options.pattern).map((alternative) => withLength(alternative, options));
  const anything = anyTimes(stringChar(grammar));
  return choice(
    alternatives.map(({ body, isStartAnchored, isEndAnchored }) =>
      sequence([isStartAnchored ? empty : anything, treeExpression(grammar, body), isEndAnchored ? empty : anything]),
    ),
  );
}

function treeExpression(grammar: Grammar, tree: PatternTree): Expression {
  switch (tree.kind) {
    case 'set':
      return setExpression(tree.ranges);
    case 'sequence':
      return sequence(tree.parts.map((part) => treeExpression(grammar, part)));
    case 'choice':
      return choice(tree.options.map((option) => treeExpression(grammar, option)));
    case 'repeat':
      // A repeated rule that may be empty is left recursion to llama.cpp.
      if (tree.max === undefined && lengthsOf(tree.of).min === 0) {
        throw new PatternError('repeats without end what may be empty, which is not supported in structured output');
      }
      return grammar.repeat(treeExpression(grammar, tree.of), tree.min, tree.max);
  }
}

const shortEscapes: ReadonlyMap<number, string> = new Map([
  [0x22, String.raw`\"`],
  [0x5c, String.raw`\\`],
  [0x08, String.raw`\b`],
  [0x09, String.raw`\t`],
  [0x0a, String.raw`\n`],
  [0x0c, String.raw`\f`],
  [0x0d, String.raw`\r`],
]);
/** Control characters that a text may want; the others are written only where a set has nothing else. */
const ordinaryEscapes = [0x22, 0x5c, 0x09, 0x0a, 0x0d];

/** One character of the set, as it stands in a JSON string. */
function setExpression(ranges: readonly CharRange[]): Expression {
  const plain = intersect(ranges, plainChars);
  const has = (code: number): boolean => ranges.some(([low, high]) => low <= code && code <= high);
  const escaped = ordinaryEscapes.filter(has);
  if (plain.length > 0 || escaped.length > 0) return choice([chars(plain), ...escaped.map(escapeText)]);
  return choice(
    Array.from({ length: 0x20 }, (_, code) => code)
      .filter(has)
      .map(escapeText),
  );
}

function escapeText(code: number): Expression {
  return text(shortEscapes.get(code) ?? `\\u${code.toString(16).padStart(4, '0')}`);
}

/** The alternative, narrowed to the length; as it is when its own lengths are within. */
function withLength(alternative: PatternAlternative, options: PatternOptions): PatternAlternative {
  const isAnchored = alternative.isStartAnchored && alternative.isEndAnchored;
  const own = lengthsOf(alternative.body);
  const fitsMax = options.maxLength === undefined || (isAnchored && own.max !== undefined && own.max <= options.maxLength);
  if (own.min >= options.minLength && fitsMax) return alternative;
  const narrowed = isAnchored ? narrowedBody(alternative.body, options) : undefined;
  if (narrowed === undefined) throw new PatternError('cannot be combined with this minLength or maxLength');
  return { ...alternative, body: narrowed };
}

/** Moves the length into the one repetition of single characters, when everything around it has a fixed length. */
function narrowedBody(body: PatternTree, options: PatternOptions): PatternTree | undefined {
  const parts = body.kind === 'sequence' ? body.parts : [body];
  const lengths = parts.map(lengthsOf);
  const loose = parts.filter((_, index) => lengths[index]?.min !== lengths[index]?.max);
  const [repeat] = loose;
  if (loose.length !== 1 || repeat?.kind !== 'repeat' || repeat.of.kind !== 'set') return undefined;
  const fixed = lengths.reduce((sum, each) => sum + (each.min === each.max ? each.min : 0), 0);
  const min = Math.max(repeat.min, options.minLength - fixed);
  const max = options.maxLength === undefined ? repeat.max : Math.min(repeat.max ?? Infinity, options.maxLength - fixed);
  if (max !== undefined && max < min) throw new PatternError('contradicts minLength or maxLength');
  return { kind: 'sequence', parts: parts.map((part) => (part === repeat ? { ...repeat, min, max } : part)) };
}
