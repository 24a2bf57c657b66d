import type { HeaderCursor } from './header-cursor.ts';
import { refuse } from './refuse.ts';

const MAX_PAIRS = 65_536;
const MAX_KEY_BYTES = 1_024;
const MAX_STRING_BYTES = 16 * 1024 * 1024;
const MAX_KEPT_TEXT_BYTES = 1024 * 1024;
const MAX_STRINGS = 4 * 1024 * 1024;
const MAX_KEPT_NUMBERS = 1_024;
const STRING_LENGTH_BYTES = 8;

const keptTexts: ReadonlySet<string> = new Set([
  'general.architecture',
  'general.type',
  'general.name',
  'general.license',
  'tokenizer.ggml.model',
  'tokenizer.chat_template',
]);

export type ElementKind =
  'uint8' | 'int8' | 'uint16' | 'int16' | 'uint32' | 'int32' | 'float32' | 'bool' | 'string' | 'uint64' | 'int64' | 'float64';

/** One value of the header. Texts and elements that no rule asks for are checked and then passed over. */
export type HeaderValue =
  | { readonly kind: 'number'; readonly element: Exclude<ElementKind, 'string'>; readonly value: number }
  | { readonly kind: 'text'; readonly byteLength: number; readonly text?: string }
  | { readonly kind: 'array'; readonly element: ElementKind; readonly length: number; readonly numbers?: readonly number[] };

interface NumberFormat {
  readonly element: Exclude<ElementKind, 'string'>;
  readonly bytes: number;
  read(bytes: Buffer): number;
}

const numberFormats: ReadonlyMap<number, NumberFormat> = new Map<number, NumberFormat>([
  [0, { element: 'uint8', bytes: 1, read: (bytes) => bytes.readUInt8() }],
  [1, { element: 'int8', bytes: 1, read: (bytes) => bytes.readInt8() }],
  [2, { element: 'uint16', bytes: 2, read: (bytes) => bytes.readUInt16LE() }],
  [3, { element: 'int16', bytes: 2, read: (bytes) => bytes.readInt16LE() }],
  [4, { element: 'uint32', bytes: 4, read: (bytes) => bytes.readUInt32LE() }],
  [5, { element: 'int32', bytes: 4, read: (bytes) => bytes.readInt32LE() }],
  [6, { element: 'float32', bytes: 4, read: (bytes) => bytes.readFloatLE() }],
  [7, { element: 'bool', bytes: 1, read: (bytes) => bytes.readUInt8() }],
  [10, { element: 'uint64', bytes: 8, read: (bytes) => Number(bytes.readBigUInt64LE()) }],
  [11, { element: 'int64', bytes: 8, read: (bytes) => Number(bytes.readBigInt64LE()) }],
  [12, { element: 'float64', bytes: 8, read: (bytes) => bytes.readDoubleLE() }],
]);
const STRING_TYPE = 8;
const ARRAY_TYPE = 9;

/** Reads `count` key–value pairs. */
export function readHeaderValues(cursor: HeaderCursor, count: number): ReadonlyMap<string, HeaderValue> {
  if (count > MAX_PAIRS) refuse(`the header announces ${count} values, at most ${MAX_PAIRS} are read`);
  const values = new Map<string, HeaderValue>();
  for (let index = 0; index < count; index++) {
    const key = readKey(cursor, index);
    if (values.has(key)) refuse(`key "${key}" stands twice`);
    values.set(key, readValue(cursor, key));
  }
  return values;
}

function readKey(cursor: HeaderCursor, index: number): string {
  const length = cursor.readCount(`length of key ${index}`);
  if (length === 0 || length > MAX_KEY_BYTES) refuse(`key ${index} has ${length} bytes, expected 1 to ${MAX_KEY_BYTES}`);
  const key = cursor.readBytes(length, `key ${index}`).toString('latin1');
  if (!/^[\x21-\x7e]+$/.test(key)) refuse(`key ${index} holds characters other than printable ASCII`);
  return key;
}

function readValue(cursor: HeaderCursor, key: string): HeaderValue {
  const type = cursor.readUint32(`type of "${key}"`);
  if (type === STRING_TYPE) return readString(cursor, key);
  if (type === ARRAY_TYPE) return readArray(cursor, key);
  const format = numberFormats.get(type);
  if (format === undefined) refuse(`"${key}" has the unknown type ${type}`);
  const value = format.read(cursor.readBytes(format.bytes, `"${key}"`));
  if (format.element === 'bool' && value > 1) refuse(`"${key}" is a bool of value ${value}, expected 0 or 1`);
  return { kind: 'number', element: format.element, value };
}

function readString(cursor: HeaderCursor, key: string): HeaderValue {
  const byteLength = readStringLength(cursor, key);
  if (!keptTexts.has(key)) {
    cursor.skip(byteLength, `"${key}"`);
    return { kind: 'text', byteLength };
  }
  if (byteLength > MAX_KEPT_TEXT_BYTES) refuse(`"${key}" has ${byteLength} bytes, at most ${MAX_KEPT_TEXT_BYTES} are taken`);
  return { kind: 'text', byteLength, text: cursor.readText(byteLength, `"${key}"`) };
}

function readStringLength(cursor: HeaderCursor, key: string): number {
  const length = cursor.readCount(`length of a string of "${key}"`);
  if (length > MAX_STRING_BYTES) refuse(`a string of "${key}" has ${length} bytes, at most ${MAX_STRING_BYTES} are taken`);
  return length;
}

function readArray(cursor: HeaderCursor, key: string): HeaderValue {
  const type = cursor.readUint32(`element type of "${key}"`);
  const length = cursor.readCount(`length of "${key}"`);
  if (type === STRING_TYPE) return skipStrings(cursor, key, length);
  if (type === ARRAY_TYPE) refuse(`"${key}" is an array of arrays, which no model file needs`);
  const format = numberFormats.get(type);
  if (format === undefined) refuse(`"${key}" has elements of the unknown type ${type}`);
  if (length > cursor.remainingBytes / format.bytes)
    refuse(`"${key}" announces ${length} elements, more than the rest of the file holds`);
  if (length > MAX_KEPT_NUMBERS) {
    cursor.skip(length * format.bytes, `"${key}"`);
    return { kind: 'array', element: format.element, length };
  }
  const numbers = Array.from({ length }, () => format.read(cursor.readBytes(format.bytes, `"${key}"`)));
  return { kind: 'array', element: format.element, length, numbers };
}

function skipStrings(cursor: HeaderCursor, key: string, length: number): HeaderValue {
  const most = Math.min(MAX_STRINGS, Math.floor(cursor.remainingBytes / STRING_LENGTH_BYTES));
  if (length > most) refuse(`"${key}" announces ${length} strings, at most ${most} are possible`);
  for (let index = 0; index < length; index++) cursor.skip(readStringLength(cursor, key), `a string of "${key}"`);
  return { kind: 'array', element: 'string', length };
}
