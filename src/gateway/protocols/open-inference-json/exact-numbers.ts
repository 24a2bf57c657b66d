import { randomUUID } from 'node:crypto';

/** Nobody else can write a text that begins with it. */
const MARK = randomUUID();
const NAN_TEXT = `${MARK} NaN`;
const WHOLE_TEXT = `${MARK} whole `;
const INFINITE_LITERAL = '1e999999';
/** Numbers of fewer characters are exact in a double. Every alternative ends where it began to fail, so the search is linear. */
const TOKENS = /"|-?\bNaN\b|\bInf(?:inity)?\b|[-\d][-+.\deE]{15,}/g;
const WHOLE = /^-?(?:0|[1-9]\d{0,19})$/;

/**
 * As JSON.parse, and more: bare `NaN`, `Infinity` and `Inf` are numbers, as clients of Triton may send them, and whole numbers that a
 * double does not hold come as bigint. Throws SyntaxError. Takes a few times as long, however hostile the text: a reviver would take
 * fifty times.
 */
export function parseExact(text: string): unknown {
  const spelled = respell(text);
  const parsed: unknown = JSON.parse(spelled);
  return spelled === text ? parsed : readMarks(parsed);
}

/** Puts marked texts in the place of numbers that JSON.parse does not take or does not keep. */
function respell(text: string): string {
  const pieces: string[] = [];
  let from = 0;
  TOKENS.lastIndex = 0;
  for (let found = TOKENS.exec(text); found !== null; found = TOKENS.exec(text)) {
    const [token] = found;
    if (token === '"') {
      TOKENS.lastIndex = endOfString(text, TOKENS.lastIndex);
      continue;
    }
    const spelled = respellToken(token);
    if (spelled === token) continue;
    pieces.push(text.slice(from, found.index), spelled);
    from = TOKENS.lastIndex;
  }
  return pieces.length === 0 ? text : pieces.join('') + text.slice(from);
}

function respellToken(token: string): string {
  if (token.endsWith('NaN')) return `"${NAN_TEXT}"`;
  if (token.startsWith('Inf')) return INFINITE_LITERAL;
  return WHOLE.test(token) && !Number.isSafeInteger(Number(token)) ? `"${WHOLE_TEXT}${token}"` : token;
}

/** The place after the closing quote of a string that began before `from`; the end of the text when there is none. */
function endOfString(text: string, from: number): number {
  for (let at = text.indexOf('"', from); at !== -1; at = text.indexOf('"', at + 1)) {
    let slashes = 0;
    while (text[at - 1 - slashes] === '\\' && at - 1 - slashes >= from) slashes += 1;
    if (slashes % 2 === 0) return at + 1;
  }
  return text.length;
}

/** The depth of the text bounds the recursion. */
function readMarks(value: unknown): unknown {
  if (typeof value === 'string') return readMark(value);
  if (Array.isArray(value)) {
    const items: unknown[] = value;
    for (let at = 0; at < items.length; at++) if (typeof items[at] !== 'number') items[at] = readMarks(items[at]);
  } else if (typeof value === 'object' && value !== null) {
    const fields = value as Record<string, unknown>;
    for (const key of Object.keys(fields)) {
      if (key.startsWith(MARK)) throw new SyntaxError('a number cannot be a name');
      fields[key] = readMarks(fields[key]);
    }
  }
  return value;
}

function readMark(text: string): unknown {
  if (text === NAN_TEXT) return Number.NaN;
  return text.startsWith(WHOLE_TEXT) ? BigInt(text.slice(WHOLE_TEXT.length)) : text;
}
