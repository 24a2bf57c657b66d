import type { JsonValue } from '../../../core/inference/index.ts';
import {
  anyTimes,
  chars,
  choice,
  empty,
  optional,
  rule,
  sequence,
  text,
  times,
  type CharRange,
  type Expression,
} from './expression.ts';
import type { Grammar } from './grammar.ts';

/** What a JSON string may hold unescaped, without the surrogates, which no UTF-8 text has. */
export const plainChars: readonly CharRange[] = [
  [0x20, 0x21],
  [0x23, 0x5b],
  [0x5d, 0xd7ff],
  [0xe000, 0x10ffff],
];

const digit = chars([[0x30, 0x39]]);
const quote = text('"');
/** Models loop on free white space: one blank at most, and only where they usually write one. */
const blank = optional(text(' '));

export const comma: Expression = sequence([text(','), blank]);
export const colon: Expression = sequence([text(':'), blank]);

/** `"name":` as JSON, for a key that is known. */
export function keyOf(name: string): Expression {
  return sequence([text(`${JSON.stringify(name)}:`), blank]);
}

/** Exactly this value, as `JSON.stringify` writes it. */
export function literal(value: JsonValue): Expression {
  return text(JSON.stringify(value));
}

/** One character inside a JSON string. Escapes of surrogates are left out: they can stand alone, and then the text is broken. */
export function stringChar(grammar: Grammar): Expression {
  return grammar.once('char', () => {
    const hex = chars(hexRanges('0f'));
    const notD = chars([...hexRanges('0c'), ...hexRanges('ef')]);
    const low = chars([[0x30, 0x37]]);
    const unicode = choice([sequence([notD, times(hex, 3)]), sequence([chars(hexRanges('dd')), low, times(hex, 2)])]);
    const short = chars([...'"/\\bfnrt'].map((char) => [char.charCodeAt(0), char.charCodeAt(0)]));
    return choice([chars(plainChars), sequence([text('\\'), choice([short, sequence([text('u'), unicode])])])]);
  });
}

/** Any JSON string. */
export function anyString(grammar: Grammar): Expression {
  return grammar.once('string', () => sequence([quote, anyTimes(stringChar(grammar)), quote]));
}

/** A JSON string with this between its quotes. */
export function quoted(content: Expression): Expression {
  return sequence([quote, content, quote]);
}

/** Fifteen digits at most: every such number is exact in a double, and finite whatever the exponent. */
export function anyInteger(grammar: Grammar): Expression {
  return grammar.once('integer', () => {
    const more = grammar.repeat(
      grammar.once('digit', () => digit),
      0,
      14,
    );
    return sequence([optional(text('-')), choice([text('0'), sequence([chars([[0x31, 0x39]]), more])])]);
  });
}

/** Any JSON number of up to 15 digits before and 15 after the point, its exponent within ±99. */
export function anyNumber(grammar: Grammar): Expression {
  return grammar.once('number', () => {
    const digits = grammar.once('digit', () => digit);
    const fraction = sequence([text('.'), grammar.repeat(digits, 1, 15)]);
    const exponent = sequence([
      chars([
        [0x45, 0x45],
        [0x65, 0x65],
      ]),
      optional(
        chars([
          [0x2b, 0x2b],
          [0x2d, 0x2d],
        ]),
      ),
      grammar.repeat(digits, 1, 2),
    ]);
    return sequence([anyInteger(grammar), optional(fraction), optional(exponent)]);
  });
}

/** Any JSON value. */
export function anyValue(grammar: Grammar): Expression {
  return grammar.once('value', () =>
    choice([
      anyObject(grammar),
      grammar.once('array', () => list(grammar, { item: rule('value'), open: '[', close: ']' })),
      anyString(grammar),
      anyNumber(grammar),
      text('true'),
      text('false'),
      text('null'),
    ]),
  );
}

/** Any JSON object. */
export function anyObject(grammar: Grammar): Expression {
  return grammar.once('object', () => {
    const pair = grammar.once('pair', () => sequence([anyString(grammar), colon, anyValue(grammar)]));
    return list(grammar, { item: pair, open: '{', close: '}' });
  });
}

/** Any number of items between brackets. */
function list(grammar: Grammar, parts: { item: Expression; open: string; close: string }): Expression {
  const more = grammar.named('more', sequence([comma, parts.item]));
  return sequence([text(parts.open), choice([sequence([parts.item, anyTimes(more)]), empty]), text(parts.close)]);
}

function hexRanges(span: string): CharRange[] {
  const digits = '0123456789abcdef';
  const taken = digits.slice(digits.indexOf(span[0] ?? '0'), digits.indexOf(span[1] ?? 'f') + 1);
  return [...new Set([...taken, ...taken.toUpperCase()])].map((char) => [char.charCodeAt(0), char.charCodeAt(0)]);
}
