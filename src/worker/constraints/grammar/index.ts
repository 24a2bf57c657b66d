export {
  anyTimes,
  chars,
  choice,
  empty,
  isNever,
  never,
  rule,
  sequence,
  text,
  type CharRange,
  type Expression,
} from './expression.ts';
export { decimalsBetween, type Bound } from './decimal-range.ts';
export { Grammar, GrammarLimitError } from './grammar.ts';
export {
  anyInteger,
  anyNumber,
  anyObject,
  anyString,
  anyValue,
  colon,
  comma,
  keyOf,
  literal,
  plainChars,
  quoted,
  stringChar,
} from './json-rules.ts';
