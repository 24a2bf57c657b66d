/** Inclusive code-point range. */
export type CharRange = readonly [low: number, high: number];

/** The right side of a grammar rule. `choice` without options matches nothing at all; an empty `text` matches the empty string. */
export type Expression =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'chars'; readonly ranges: readonly CharRange[] }
  | { readonly kind: 'rule'; readonly name: string }
  | { readonly kind: 'sequence'; readonly parts: readonly Expression[] }
  | { readonly kind: 'choice'; readonly options: readonly Expression[] }
  | { readonly kind: 'times'; readonly of: Expression; readonly count: number }
  | { readonly kind: 'any-times'; readonly of: Expression };

export const never: Expression = { kind: 'choice', options: [] };
export const empty: Expression = { kind: 'text', text: '' };

/** Exactly this text. */
export const text = (value: string): Expression => ({ kind: 'text', text: value });
/** Whatever the named rule matches. */
export const rule = (name: string): Expression => ({ kind: 'rule', name });
/** None or more; `of` must not match the empty string, which llama.cpp takes for left recursion. */
export const anyTimes = (of: Expression): Expression => ({ kind: 'any-times', of });
/** One or none. */
export const optional = (of: Expression): Expression => choice([of, empty]);

/** One character of a set; an empty set matches nothing. */
export function chars(ranges: readonly CharRange[]): Expression {
  return ranges.length === 0 ? never : { kind: 'chars', ranges };
}

/** Whether nothing matches, as far as the expression itself tells. */
export function isNever(expression: Expression): boolean {
  return expression.kind === 'choice' && expression.options.length === 0;
}

function isEmpty(expression: Expression): boolean {
  return expression.kind === 'text' && expression.text === '';
}

/** One after the other; nothing when a part matches nothing. */
export function sequence(parts: readonly Expression[]): Expression {
  if (parts.some(isNever)) return never;
  const rest = parts.filter((part) => !isEmpty(part)).flatMap((part) => (part.kind === 'sequence' ? part.parts : [part]));
  if (rest.length === 0) return empty;
  return rest.length === 1 && rest[0] !== undefined ? rest[0] : { kind: 'sequence', parts: rest };
}

/** One of these; the empty string is tried last. */
export function choice(options: readonly Expression[]): Expression {
  const rest = options.flatMap((option) => (option.kind === 'choice' ? option.options : [option]));
  const hasEmpty = rest.some(isEmpty);
  const distinct = rest.filter((option) => !isEmpty(option));
  const kept = hasEmpty ? [...distinct, empty] : distinct;
  return kept.length === 1 && kept[0] !== undefined ? kept[0] : { kind: 'choice', options: kept };
}

export function times(of: Expression, count: number): Expression {
  if (count === 0) return empty;
  return count === 1 || isNever(of) ? of : { kind: 'times', of, count };
}

/** GBNF text of an expression, as llama.cpp's grammar parser reads it (`src/llama-grammar.cpp`). */
export function printExpression(expression: Expression): string {
  switch (expression.kind) {
    case 'text':
      return printText(expression.text);
    case 'chars':
      return `[${expression.ranges.map(printRange).join('')}]`;
    case 'rule':
      return expression.name;
    case 'sequence':
      return expression.parts.map(printPart).join(' ');
    case 'choice':
      return expression.options.map(printExpression).join(' | ');
    case 'times':
      return `${printPart(expression.of)}{${expression.count}}`;
    case 'any-times':
      return `${printPart(expression.of)}*`;
  }
}

/** Names of the rules that an expression uses. */
export function rulesOf(expression: Expression): string[] {
  switch (expression.kind) {
    case 'rule':
      return [expression.name];
    case 'sequence':
      return expression.parts.flatMap(rulesOf);
    case 'choice':
      return expression.options.flatMap(rulesOf);
    case 'times':
    case 'any-times':
      return rulesOf(expression.of);
    default:
      return [];
  }
}

function printPart(part: Expression): string {
  const isAtom = part.kind === 'rule' || part.kind === 'chars' || (part.kind === 'text' && [...part.text].length === 1);
  if (isAtom || part.kind === 'text' || part.kind === 'times' || part.kind === 'any-times') return printExpression(part);
  return `(${printExpression(part)})`;
}

function printText(value: string): string {
  return `"${[...value].map((char) => (char === '"' || char === '\\' ? `\\${char}` : printable(char))).join('')}"`;
}

function printRange([low, high]: CharRange): string {
  const [from, to] = [printSetChar(low), printSetChar(high)];
  return low === high ? from : `${from}-${to}`;
}

function printSetChar(code: number): string {
  const char = String.fromCodePoint(code);
  if (/[\^\\[\]-]/u.test(char)) return escapeCode(code);
  return code > 0x7e ? escapeCode(code) : printable(char);
}

function printable(char: string): string {
  const code = char.codePointAt(0) ?? 0;
  return code < 0x20 || code === 0x7f || (code >= 0xd800 && code <= 0xdfff) ? escapeCode(code) : char;
}

function escapeCode(code: number): string {
  if (code <= 0xff) return `\\x${code.toString(16).padStart(2, '0').toUpperCase()}`;
  if (code <= 0xffff) return `\\u${code.toString(16).padStart(4, '0').toUpperCase()}`;
  return `\\U${code.toString(16).padStart(8, '0').toUpperCase()}`;
}
