import { isUtf8 } from 'node:buffer';
import type { PlinthError } from '../../../core/errors/index.ts';
import { refuse } from '../open-inference-tensors/index.ts';
import { parseExact } from './exact-numbers.ts';

export type JsonFields = Readonly<Record<string, unknown>>;

const DEEPEST = 100;
const MOST_PARTS = 1_000_000;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Thrown while a body is read whose whole numbers are too large for a double: it is then parsed anew with {@link parseExactJson}. */
export class InexactNumber extends Error {
  override readonly name = 'InexactNumber';
}

/** JSON from bytes, at most 100 levels deep. Throws `invalid_request`. */
export function parseJson(bytes: Buffer): unknown {
  const text = checkedText(bytes);
  try {
    return JSON.parse(text);
  } catch (thrown) {
    if (NOT_FINITE.test(text)) return parseText(text);
    throw notJson(thrown);
  }
}

/** As {@link parseJson}; whole numbers that a double does not hold come as bigint. */
export function parseExactJson(bytes: Buffer): unknown {
  return parseText(checkedText(bytes));
}

/** The fields of an object. Throws `invalid_request` naming what else came. */
export function requireFields(value: unknown, what: string): JsonFields {
  if (isFields(value)) return value;
  throw refuse(`Unable to parse ${what}: attempt to access JSON non-object as object`);
}

/** Whether a value is a JSON object. */
export function isFields(value: unknown): value is JsonFields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const NOT_FINITE = /NaN|Inf/;

function parseText(text: string): unknown {
  try {
    return parseExact(text);
  } catch (thrown) {
    throw notJson(thrown);
  }
}

function notJson(thrown: unknown): PlinthError {
  const position = thrown instanceof SyntaxError ? /at position (\d+)/.exec(thrown.message)?.[1] : undefined;
  return refuse(`failed to parse the request JSON buffer: Invalid value.${position === undefined ? '' : ` at ${position}`}`);
}

function checkedText(bytes: Buffer): string {
  if (bytes.byteLength === 0) throw refuse('failed to parse the request JSON buffer: The document is empty. at 0');
  if (!isUtf8(bytes)) throw refuse('failed to parse the request JSON buffer: Invalid encoding in string.');
  if (bytes.byteLength > DEEPEST) checkStructure(bytes);
  return bytes.toString('utf8');
}

/** Counts brackets and strings, so that a body which would hold up everybody while it is parsed is refused by one quick pass. */
function checkStructure(bytes: Buffer): void {
  let [depth, parts] = [0, 0];
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    if (byte === QUOTE) {
      parts += 1;
      at += 1;
      while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
    } else if ((byte | 0x20) === 0x7b) {
      depth += 1;
      parts += 1;
      if (depth > DEEPEST) throw refuse(`failed to parse the request JSON buffer: nesting deeper than ${DEEPEST} levels`);
    } else if ((byte | 0x20) === 0x7d) depth -= 1;
    if (parts > MOST_PARTS) {
      const limit = `more than ${MOST_PARTS} strings, arrays and objects`;
      throw refuse(`failed to parse the request JSON buffer: ${limit}. Please use the binary data format`);
    }
  }
}
