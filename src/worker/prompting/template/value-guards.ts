import type { JinjaElement, JinjaValue } from './jinja-library.ts';
import { TemplateLimitError, templateLimits, type FuelMeter } from './template-limits.ts';
import { childOf, fieldOf, filterNameOf } from './template-syntax.ts';

/** Most character comparisons of one search: the engine's worst case is the product of both lengths. */
const mostComparisons = 2 ** 26;
const mostSortedChars = 262_144;
const mostSlicedChars = 1_048_576;
const longestFilterText = 256;
const widestIndent = 64;
/** Characters that cost one unit of fuel. */
const charsPerFuel = 32;

const reading = new Set(['Identifier', 'MemberExpression', 'StringLiteral', 'IntegerLiteral', 'FloatLiteral']);
const constantTimeFilters = new Set(['length', 'first', 'last', 'list', 'default', 'safe']);

/** An expression that is being evaluated, with the values of its parts so far. */
export interface OpenExpression {
  readonly node: JinjaElement;
  readonly operands: (JinjaValue | undefined)[];
}

/** Charges what an expression has made. Merely naming a value that is there costs nothing, unless it is printed or run over. */
export function chargeValue(
  meter: FuelMeter,
  { value }: JinjaValue,
  at: { node: JinjaElement; isPrinted: boolean; isIterated: boolean },
): void {
  const isNew = !reading.has(at.node.type) || isSlice(at.node);
  if (typeof value === 'string') {
    refuseLongText(value.length);
    if (isNew || at.isPrinted) meter.burn(value.length / charsPerFuel);
  } else if (Array.isArray(value)) {
    refuseLongList(value.length);
    if (isNew || at.isIterated) meter.burn(value.length);
  }
  if (at.isPrinted && isContainer(value)) writtenLength(meter, value);
}

/** Called after each part of a watched expression, before the expression itself works. */
export function inspectOperand(meter: FuelMeter, { node, operands }: OpenExpression): void {
  const [first, second] = operands.map((operand) => operand?.value);
  const latest = operands.at(-1)?.value;
  if (node.type !== 'MemberExpression' && typeof latest === 'string') meter.burn(latest.length / charsPerFuel);
  if (node.type === 'BinaryExpression' && operands.length === 2) guardOperator(meter, operatorOf(node), [first, second]);
  if (node.type === 'FilterExpression')
    guardFilter(
      meter,
      filterNameOf(node),
      operands.map((operand) => operand?.value),
    );
  if (node.type === 'MemberExpression' && isSlice(node) && operands.length === 1 && typeof first === 'string') {
    refuseLongText(first.length, mostSlicedChars);
    meter.burn(first.length / charsPerFuel);
  }
}

/** A text's or a mapping's own function gets its guard the first time it is looked up. */
export function guardMethod(meter: FuelMeter, owner: JinjaValue | undefined, method: JinjaValue): void {
  const call = method.value;
  if (owner === undefined || typeof call !== 'function' || guarded.has(call)) return;
  const name = ['replace', 'split', 'startswith', 'endswith', 'dictsort'].find((each) => owner.builtins.get(each) === method);
  if (name === undefined) return;
  const bounded = (args: JinjaValue[], scope: unknown): unknown => {
    guardCall(meter, name, { owner: owner.value, args: args.map((arg) => arg.value) });
    return Reflect.apply(call, undefined, [args, scope]);
  };
  guarded.add(bounded);
  method.value = bounded;
}

const guarded = new WeakSet();

function guardCall(meter: FuelMeter, name: string, call: { owner: unknown; args: readonly unknown[] }): void {
  const [first, second] = call.args;
  if (name === 'dictsort') return refuseLongText(writtenLength(meter, call.owner), mostSortedChars);
  if (typeof call.owner !== 'string') return;
  meter.burn(call.owner.length / charsPerFuel);
  if (name === 'replace') guardReplace(call.owner, first, second);
  else if (name === 'split') refuseLongList(typeof first === 'string' ? countOf(call.owner, first) : wordCountOf(call.owner));
  else refuseLongSearch(call.owner.length, Array.isArray(first) ? first.length : 1);
}

function guardOperator(meter: FuelMeter, operator: string, [left, right]: readonly [unknown, unknown]): void {
  if (operator === 'in' || operator === 'not in') {
    const isSearch = typeof left === 'string' && (typeof right === 'string' || Array.isArray(right));
    if (isSearch) refuseLongSearch(left.length, right.length);
    if (Array.isArray(right)) meter.burn(right.length / charsPerFuel);
    return;
  }
  const becomesText =
    operator === '~' || (['+', '==', '!='].includes(operator) && !(Array.isArray(left) && Array.isArray(right)));
  if (!becomesText) return;
  const length = [left, right].reduce((sum: number, side) => sum + (isContainer(side) ? writtenLength(meter, side) : 0), 0);
  refuseLongText(length);
}

function guardFilter(meter: FuelMeter, name: string, operands: readonly unknown[]): void {
  const [subject, ...args] = operands;
  if (args.length > 0) return guardFilterArguments(name, subject, args);
  if (Array.isArray(subject) && !constantTimeFilters.has(name)) meter.burn(subject.length);
  if (['tojson', 'string', 'join'].includes(name) && isContainer(subject)) writtenLength(meter, subject);
  if (['sort', 'dictsort', 'unique'].includes(name)) refuseLongText(writtenLength(meter, subject), mostSortedChars);
  if (name === 'join' && typeof subject === 'string') refuseLongText(subject.length, mostSlicedChars);
  if (name === 'indent' && typeof subject === 'string') refuseLongText(subject.length + countOf(subject, '\n') * widestIndent);
}

function guardFilterArguments(name: string, subject: unknown, args: readonly unknown[]): void {
  if (name === 'default') return;
  if (name === 'replace') {
    if (typeof subject === 'string' && args.length === 2) guardReplace(subject, args[0], args[1]);
    return;
  }
  const latest = args.at(-1);
  const texts = Array.isArray(latest) ? latest.map((item: unknown) => (isValue(item) ? item.value : undefined)) : [latest];
  for (const text of texts) if (typeof text === 'string') refuseLongText(text.length, longestFilterText);
  if (typeof latest === 'number' && Math.abs(latest) > widestIndent)
    throw new TemplateLimitError(`indents by more than ${widestIndent}`);
  if (name === 'join' && typeof latest === 'string') {
    const count = Array.isArray(subject) || typeof subject === 'string' ? subject.length : 0;
    refuseLongText(count * latest.length);
  }
}

function guardReplace(owner: string, old: unknown, replacement: unknown): void {
  if (typeof old !== 'string' || typeof replacement !== 'string') return;
  refuseLongText(owner.length + countOf(owner, old) * replacement.length);
}

/** Occurrences of `part`, of which the empty text has one before every character. */
function countOf(text: string, part: string): number {
  if (part === '') return text.length + 1;
  refuseLongSearch(text.length, part.length);
  let count = 1;
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length)) count += 1;
  return count;
}

function wordCountOf(text: string): number {
  let count = 0;
  for (const _ of text.matchAll(/\S+/g)) {
    count += 1;
    if (count > templateLimits.listItems) return count;
  }
  return count;
}

/** About how long a value is as JSON text, shared parts counted each time. @throws TemplateLimitError when too long or endless. */
function writtenLength(meter: FuelMeter, root: unknown): number {
  let length = 0;
  const todo: [value: unknown, depth: number][] = [[root, 0]];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    const [value, depth] = next;
    if (depth > templateLimits.nesting)
      throw new TemplateLimitError(`writes a value nested deeper than ${templateLimits.nesting} levels`);
    meter.burn(0.1);
    length += typeof value === 'string' ? value.length : 16 + depth;
    refuseLongText(length);
    if (Array.isArray(value)) for (const item of value) todo.push([valueIn(item), depth + 1]);
    else if (value instanceof Map) for (const [key, item] of value) todo.push([key, depth + 1], [valueIn(item), depth + 1]);
  }
  meter.burn(length / charsPerFuel);
  return length;
}

function valueIn(item: unknown): unknown {
  return isValue(item) ? item.value : undefined;
}

function isValue(item: unknown): item is JinjaValue {
  return typeof item === 'object' && item !== null && 'value' in item;
}

function isContainer(value: unknown): boolean {
  return Array.isArray(value) || value instanceof Map;
}

function isSlice(node: JinjaElement): boolean {
  return node.type === 'MemberExpression' && childOf(node, 'property')?.type === 'SliceExpression';
}

function operatorOf(node: JinjaElement): string {
  const operator = childOf(node, 'operator');
  return operator === undefined ? '' : String(fieldOf(operator, 'value'));
}

function refuseLongText(length: number, most: number = templateLimits.textChars): void {
  if (length > most) throw new TemplateLimitError(`makes or searches a text longer than ${most} characters`);
}

function refuseLongList(length: number): void {
  if (length > templateLimits.listItems)
    throw new TemplateLimitError(`makes a list of more than ${templateLimits.listItems} items`);
}

function refuseLongSearch(length: number, other: number): void {
  if (length * other > mostComparisons) throw new TemplateLimitError('searches a long text in another long text');
}
