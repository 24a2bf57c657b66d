/** Finds the texts of control tokens, whole ones and what may become one when two texts are joined. */
export interface ControlTexts {
  /** The text with each whole control token, and what the text begins or ends with of one, passed through `replace`. */
  mark(text: string, replace: (part: string) => string): string;
  /** The text with each character passed through `replace` that control tokens have and words have not. */
  disarm(text: string, replace: (part: string) => string): string;
  count(text: string): number;
}

/** A vocabulary's list is the same for every request. */
const known = new WeakMap<readonly string[], ControlTexts>();

export function controlTextsOf(tokens: readonly string[]): ControlTexts {
  const texts = known.get(tokens) ?? readTokens(tokens);
  known.set(tokens, texts);
  return texts;
}

function readTokens(tokens: readonly string[]): ControlTexts {
  const written = tokens.filter((token) => token.trim() !== '').toSorted((a, b) => b.length - a.length);
  if (written.length === 0) return { mark: (text) => text, disarm: (text) => text, count: () => 0 };
  const whole = new RegExp(written.map(escapeRegExp).join('|'), 'g');
  const beginnings = partsOf(written, (token, length) => token.slice(0, length));
  const endings = partsOf(written, (token, length) => token.slice(-length));
  const longest = written[0]?.length ?? 0;
  const signs = [...new Set(written.join(''))].filter((char) => /[^\p{L}\p{N}\s]/u.test(char));
  const sign = signs.length === 0 ? /(?!)/g : new RegExp(`[${signs.map(escapeInClass).join('')}]`, 'gu');
  return {
    mark: (text, replace) =>
      markEdges(
        text.replace(whole, (part) => replace(part)),
        { beginnings, endings, longest, replace },
      ),
    disarm: (text, replace) => text.replace(sign, (part) => replace(part)),
    count: (text) => text.match(whole)?.length ?? 0,
  };
}

interface Edges {
  /** What a token begins with: dangerous at the end of a text. */
  readonly beginnings: ReadonlySet<string>;
  readonly endings: ReadonlySet<string>;
  readonly longest: number;
  readonly replace: (part: string) => string;
}

/** Templates trim texts before they join them, so the blanks around do not count. */
function markEdges(text: string, edges: Edges): string {
  const start = text.length - text.trimStart().length;
  const end = Math.max(start, text.trimEnd().length);
  const most = Math.min(edges.longest, end - start);
  const head = longestOf(most, (length) => text.slice(start, start + length), edges.endings);
  const tail = longestOf(Math.min(most, end - start - head.length), (length) => text.slice(end - length, end), edges.beginnings);
  const inner = text.slice(start + head.length, end - tail.length);
  const [first, last] = [head, tail].map((part) => (part === '' ? '' : edges.replace(part)));
  return `${text.slice(0, start)}${first}${inner}${last}${text.slice(end)}`;
}

function longestOf(most: number, cut: (length: number) => string, parts: ReadonlySet<string>): string {
  for (let length = most; length > 0; length -= 1) {
    const part = cut(length);
    if (parts.has(part)) return part;
  }
  return '';
}

function partsOf(tokens: readonly string[], cut: (token: string, length: number) => string): Set<string> {
  return new Set(tokens.flatMap((token) => Array.from({ length: token.length - 1 }, (_, at) => cut(token, at + 1))));
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, String.raw`\$&`);
}

function escapeInClass(char: string): string {
  return /[\^\]\\-]/.test(char) ? `\\${char}` : char;
}
