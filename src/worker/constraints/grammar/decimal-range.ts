import { chars, choice, empty, isNever, never, optional, sequence, text, times, type Expression } from './expression.ts';
import type { Grammar } from './grammar.ts';

/** One end of a range. */
export interface Bound {
  /** In units of 10^-scale. */
  readonly units: bigint;
  readonly isExclusive: boolean;
}

export interface DecimalRange {
  readonly type: 'integer' | 'number';
  /** Decimals that every written number has at least. */
  readonly scale: number;
  readonly lower?: Bound;
  readonly upper?: Bound;
}

/** Numbers of at most so many digits are exact in a double, so that the order of the texts is the order of the values. */
const exactDigits = 15;
const largest = 10n ** BigInt(exactDigits) - 1n;
/** Where a number has no bound on one side, this leaves digits for a fraction. */
const ordinary = 10n ** 9n;

const digit = chars([[0x30, 0x39]]);

/** JSON numbers between two bounds, written without exponent. */
export function decimalsBetween(grammar: Grammar, range: DecimalRange): Expression {
  const lower = range.lower ?? openBound(range, -1n);
  const upper = range.upper ?? openBound(range, 1n);
  const zero: Bound = { units: 0n, isExclusive: false };
  const positive =
    upper.units < 0n
      ? never
      : magnitudes(grammar, range, [lower.units > 0n || (lower.units === 0n && lower.isExclusive) ? lower : zero, upper]);
  if (lower.units >= 0n) return positive;
  const nearest: Bound =
    upper.units < 0n ? { units: -upper.units, isExclusive: upper.isExclusive } : { units: 0n, isExclusive: true };
  const farthest: Bound = { units: -lower.units, isExclusive: lower.isExclusive };
  return choice([positive, sequence([text('-'), magnitudes(grammar, range, [nearest, farthest])])]);
}

function openBound(range: DecimalRange, sign: bigint): Bound {
  const other = sign > 0n ? (range.lower?.units ?? 0n) : -(range.upper?.units ?? 0n);
  const usual = ordinary * 10n ** BigInt(range.scale);
  const units = range.type === 'number' && other < usual ? usual : largest;
  return { units: units * sign, isExclusive: false };
}

/** Numbers from `low` to `high`, neither negative. */
function magnitudes(grammar: Grammar, range: DecimalRange, [low, high]: readonly [Bound, Bound]): Expression {
  const top: Bound = high.units > largest ? { units: largest, isExclusive: false } : high;
  const room = exactDigits - top.units.toString().length;
  const wholes = (from: bigint, to: bigint): Expression => unitsBetween(from, to, range.scale);
  const from = low.isExclusive ? low.units + 1n : low.units;
  if (range.type === 'integer' || room < 1) return wholes(from, top.isExclusive ? top.units - 1n : top.units);
  const inner = sequence([wholes(from, top.units - 1n), furtherDigits(grammar, range.scale, room)]);
  const aboveLow =
    low.isExclusive && low.units < top.units
      ? sequence([wholes(low.units, low.units), someFurtherDigit(grammar, range.scale, room)])
      : never;
  return choice([aboveLow, inner, top.isExclusive || from > top.units ? never : wholes(top.units, top.units)]);
}

function furtherDigits(grammar: Grammar, scale: number, room: number): Expression {
  const digits = grammar.once('digit', () => digit);
  return scale > 0 ? grammar.repeat(digits, 0, room) : optional(sequence([text('.'), grammar.repeat(digits, 1, room)]));
}

/** Further digits of which one is not 0. */
function someFurtherDigit(grammar: Grammar, scale: number, room: number): Expression {
  const digits = grammar.once('digit', () => digit);
  return sequence([text(scale > 0 ? '' : '.'), grammar.repeat(digits, 0, room - 1), chars([[0x31, 0x39]])]);
}

/** Every whole number of units from `from` to `to`, written with `scale` decimals. */
function unitsBetween(from: bigint, to: bigint, scale: number): Expression {
  const options: Expression[] = [];
  for (let width = scale + 1; width <= exactDigits + 1; width += 1) {
    const least = width === scale + 1 ? 0n : 10n ** BigInt(width - 1);
    const most = 10n ** BigInt(width) - 1n;
    const [low, high] = [from > least ? from : least, to < most ? to : most];
    if (low <= high) options.push(fixedWidth({ low: pad(low, width), high: pad(high, width), point: width - scale }, 0));
  }
  return choice(options);
}

function pad(units: bigint, width: number): string {
  return units.toString().padStart(width, '0');
}

interface DigitRange {
  readonly low: string;
  readonly high: string;
  /** Digits before the decimal point. */
  readonly point: number;
}

/** The digits from `at` on, of numbers of equal length between `low` and `high`. */
function fixedWidth(range: DigitRange, at: number): Expression {
  const [low, high] = [range.low.slice(at), range.high.slice(at)];
  if (low === '') return empty;
  const point = at === range.point && at > 0 ? text('.') : empty;
  if (/^0+$/.test(low) && /^9+$/.test(high)) return freeDigits(range, at);
  const [first, last] = [Number(low[0]), Number(high[0])];
  if (first === last) return sequence([point, text(String(first)), fixedWidth(range, at + 1)]);
  const nines = range.low.slice(0, at + 1) + '9'.repeat(low.length - 1);
  const zeros = range.high.slice(0, at + 1) + '0'.repeat(low.length - 1);
  const bottom = sequence([text(String(first)), fixedWidth({ ...range, high: nines }, at + 1)]);
  const middle = first + 1 <= last - 1 ? sequence([chars([[0x31 + first, 0x2f + last]]), freeDigits(range, at + 1)]) : never;
  const top = sequence([text(String(last)), fixedWidth({ ...range, low: zeros }, at + 1)]);
  return sequence([point, choice([bottom, middle, top].filter((option) => !isNever(option)))]);
}

function freeDigits(range: DigitRange, at: number): Expression {
  const count = range.low.length - at;
  const before = Math.max(0, Math.min(count, range.point - at));
  if (count === 0) return empty;
  const hasPoint = range.point < range.low.length && range.point >= at;
  return sequence([times(digit, before), text(hasPoint ? '.' : ''), times(digit, count - before)]);
}
