import type { CharRange } from '../grammar/index.ts';
import { complement, digitSet, dotSet, mergeRanges, single, spaceSet, wordSet } from './char-sets.ts';
import { PatternError, type PatternAlternative, type PatternTree } from './pattern-tree.ts';

const longestPattern = 2_000;
const deepestGroups = 50;

const classSets: Readonly<Record<string, readonly CharRange[]>> = {
  d: digitSet,
  D: complement(digitSet),
  w: wordSet,
  W: complement(wordSet),
  s: spaceSet,
  S: complement(spaceSet),
};
const controlEscapes: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13, '0': 0 };

/**
 * Reads an ECMAScript regular expression with the `u` flag, as JSON Schema wants it: literals, classes, escapes, groups, alternation and
 * quantifiers; anchors at the ends of top-level alternatives.
 * @throws PatternError for what cannot be read or is not supported.
 */
export function parsePattern(pattern: string): PatternAlternative[] {
  if (pattern.length > longestPattern) throw new PatternError(`is longer than ${longestPattern} characters`);
  if (!isRegExp(pattern)) throw new PatternError('is not a valid regular expression (with the flag u)');
  return new PatternParser(pattern).parse();
}

function isRegExp(pattern: string): boolean {
  try {
    return new RegExp(pattern, 'u').unicode;
  } catch {
    return false;
  }
}

class PatternParser {
  readonly #chars: readonly string[];
  #at = 0;
  #depth = 0;

  constructor(pattern: string) {
    this.#chars = [...pattern];
  }

  parse(): PatternAlternative[] {
    const alternatives = [this.#alternative()];
    while (this.#take('|')) alternatives.push(this.#alternative());
    if (this.#at < this.#chars.length) throw new PatternError('is not a valid regular expression');
    return alternatives;
  }

  #alternative(): PatternAlternative {
    const isStartAnchored = this.#take('^');
    const body = this.#sequence();
    const isEndAnchored = this.#take('$');
    if (this.#peek() !== undefined && this.#peek() !== '|') throw anchorInside();
    return { body, isStartAnchored, isEndAnchored };
  }

  /** Until the end, `|`, `)` or `$`. */
  #sequence(): PatternTree {
    const parts: PatternTree[] = [];
    for (let next = this.#peek(); next !== undefined && !'|)$'.includes(next); next = this.#peek()) parts.push(this.#term());
    const [only] = parts;
    return parts.length === 1 && only !== undefined ? only : { kind: 'sequence', parts };
  }

  #term(): PatternTree {
    const atom = this.#atom();
    const [min, max] = this.#quantifier() ?? [1, 1];
    return min === 1 && max === 1 ? atom : { kind: 'repeat', of: atom, min, max };
  }

  #atom(): PatternTree {
    const char = this.#next();
    if (char === '(') return this.#group();
    if (char === '[') return { kind: 'set', ranges: this.#charClass() };
    if (char === '\\') return { kind: 'set', ranges: this.#escape() };
    if (char === '.') return { kind: 'set', ranges: dotSet };
    if (char === '^') throw anchorInside();
    return { kind: 'set', ranges: [single(codeOf(char))] };
  }

  #group(): PatternTree {
    if (this.#take('?')) this.#groupKind();
    this.#depth += 1;
    if (this.#depth > deepestGroups) throw new PatternError(`nests groups deeper than ${deepestGroups}`);
    const options = [this.#sequence()];
    while (this.#take('|')) options.push(this.#sequence());
    if (!this.#take(')')) throw anchorInside();
    this.#depth -= 1;
    const [only] = options;
    return options.length === 1 && only !== undefined ? only : { kind: 'choice', options };
  }

  #groupKind(): void {
    if (this.#take(':')) return;
    const isNamed = this.#take('<') && this.#peek() !== '=' && this.#peek() !== '!';
    if (!isNamed) throw new PatternError('uses a look-around, which is not supported in structured output');
    while (this.#next() !== '>');
  }

  #quantifier(): [min: number, max: number | undefined] | undefined {
    const counts = this.#counts();
    if (counts !== undefined) this.#take('?');
    return counts;
  }

  #counts(): [min: number, max: number | undefined] | undefined {
    if (this.#take('*')) return [0, undefined];
    if (this.#take('+')) return [1, undefined];
    if (this.#take('?')) return [0, 1];
    if (!this.#take('{')) return undefined;
    let written = '';
    for (let char = this.#next(); char !== '}'; char = this.#next()) written += char;
    const [low, high] = written.split(',');
    return [Number(low), high === undefined ? Number(low) : high === '' ? undefined : Number(high)];
  }

  #charClass(): readonly CharRange[] {
    const isNegated = this.#take('^');
    const ranges: CharRange[] = [];
    while (!this.#take(']')) {
      const from = this.#classItem();
      const [low] = from;
      if (from.length !== 1 || low === undefined || this.#peek() !== '-' || this.#chars[this.#at + 1] === ']') {
        ranges.push(...from);
        continue;
      }
      this.#next();
      const [high] = this.#classItem();
      if (high !== undefined) ranges.push([low[0], high[1]]);
    }
    return isNegated ? complement(ranges) : mergeRanges(ranges);
  }

  #classItem(): readonly CharRange[] {
    const char = this.#next();
    if (char !== '\\') return [single(codeOf(char))];
    if (this.#take('b')) return [single(8)];
    return this.#escape();
  }

  /** After a backslash. */
  #escape(): readonly CharRange[] {
    const char = this.#next();
    const set = Object.hasOwn(classSets, char) ? classSets[char] : undefined;
    if (set !== undefined) return set;
    const control = Object.hasOwn(controlEscapes, char) ? controlEscapes[char] : undefined;
    if (control !== undefined) return [single(control)];
    if (char === 'x') return [single(this.#hex(2))];
    if (char === 'u') return [single(this.#unicode())];
    if (char === 'c') return [single(codeOf(this.#next()) % 32)];
    if (/[1-9kpPbB]/.test(char)) throw new PatternError(`uses \\${char}, which is not supported in structured output`);
    return [single(codeOf(char))];
  }

  #unicode(): number {
    if (!this.#take('{')) {
      const code = this.#hex(4);
      if (code < 0xd800 || code > 0xdfff) return code;
      throw new PatternError('names surrogates, which is not supported in structured output');
    }
    let digits = '';
    for (let char = this.#next(); char !== '}'; char = this.#next()) digits += char;
    return Number.parseInt(digits, 16);
  }

  #hex(length: number): number {
    return Number.parseInt(Array.from({ length }, () => this.#next()).join(''), 16);
  }

  #peek(): string | undefined {
    return this.#chars[this.#at];
  }

  #take(char: string): boolean {
    const isThere = this.#chars[this.#at] === char;
    if (isThere) this.#at += 1;
    return isThere;
  }

  #next(): string {
    const char = this.#chars[this.#at];
    if (char === undefined) throw new PatternError('is not a valid regular expression');
    this.#at += 1;
    return char;
  }
}

function codeOf(char: string): number {
  return char.codePointAt(0) ?? 0;
}

function anchorInside(): PatternError {
  return new PatternError('has an anchor inside, which is supported only at the ends of an alternative');
}
