import { PlinthError } from '../../../core/errors/index.ts';

export type TokenKind = 'word' | 'number' | 'text' | 'sign' | 'end';

/** One token; `text` is the contents of a string with its escapes resolved. */
export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  readonly line: number;
  readonly column: number;
}

const SPACE = /(?:[ \t\r\n\v\f]|#[^\n]*)*/y;
const WORD = /[A-Za-z_][A-Za-z0-9_]*/y;
const NUMBER = /(?:0[xX][0-9a-fA-F]+|(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?[fF]?)(?![A-Za-z0-9_.])/y;
const STRING = /"(?:[^"\\\n]|\\[^\n])*"|'(?:[^'\\\n]|\\[^\n])*'/y;
const SIGNS = new Set('{}<>[]:,;-');

/** Cuts the protobuf text format into tokens, one at a time, in one pass over the text. Throws PlinthError with line and column. */
export class TextTokens {
  readonly #text: string;
  readonly #title: string;
  #at = 0;
  #line = 1;
  #lineStart = 0;
  #next: Token;

  /** `title` is what messages call the text: a file's name. */
  constructor(text: string, title: string) {
    this.#text = text;
    this.#title = title;
    this.#next = this.#read();
  }

  /** The token that `take` gives next. */
  get next(): Token {
    return this.#next;
  }

  take(): Token {
    const token = this.#next;
    if (token.kind !== 'end') this.#next = this.#read();
    return token;
  }

  /** Takes the next token when it is this sign. */
  takeSign(sign: string): boolean {
    if (this.#next.kind !== 'sign' || this.#next.text !== sign) return false;
    this.take();
    return true;
  }

  /** The error for what stands at `token`. */
  flaw(token: Token, problem: string): PlinthError {
    return this.#flawAt(token, problem);
  }

  #read(): Token {
    this.#skipSpace();
    const place = { line: this.#line, column: this.#at - this.#lineStart + 1 };
    if (this.#at >= this.#text.length) return { kind: 'end', text: 'the end of the text', ...place };
    const string = this.#match(STRING);
    if (string !== undefined) return { kind: 'text', text: this.#unescape(string.slice(1, -1), place), ...place };
    const word = this.#match(WORD);
    if (word !== undefined) return { kind: 'word', text: word, ...place };
    const number = this.#match(NUMBER);
    if (number !== undefined) return { kind: 'number', text: number, ...place };
    const sign = this.#text[this.#at] ?? '';
    if (!SIGNS.has(sign)) throw this.#flawAt(place, describeStray(sign));
    this.#at += 1;
    return { kind: 'sign', text: sign, ...place };
  }

  #skipSpace(): void {
    const from = this.#at;
    SPACE.lastIndex = from;
    SPACE.test(this.#text);
    this.#at = SPACE.lastIndex;
    // A search in the whole text would run to its end for every token.
    const skipped = this.#text.slice(from, this.#at);
    for (let at = skipped.indexOf('\n'); at !== -1; at = skipped.indexOf('\n', at + 1)) {
      this.#line += 1;
      this.#lineStart = from + at + 1;
    }
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #unescape(text: string, place: Place): string {
    if (!text.includes('\\')) return text;
    return text.replace(ESCAPE, (whole, simple?: string, octal?: string, hex?: string, point?: string) => {
      if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8) & 0xff);
      if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
      const code = point === undefined ? undefined : Number.parseInt(point, 16);
      if (code !== undefined && code <= 0x10ffff) return String.fromCodePoint(code);
      const meant = simple === undefined ? undefined : simpleEscapes[simple];
      if (meant === undefined) throw this.#flawAt(place, `the escape ${whole} in a text is unknown`);
      return meant;
    });
  }

  #flawAt({ line, column }: Place, problem: string): PlinthError {
    return new PlinthError({ code: 'invalid_request', message: `${this.#title}:${line}:${column}: ${problem}` });
  }
}

interface Place {
  readonly line: number;
  readonly column: number;
}

const ESCAPE = /\\(?:([abfnrtv?\\'"])|([0-7]{1,3})|[xX]([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|.|$)/gs;
const simpleEscapes: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '?': '?',
  '\\': '\\',
  "'": "'",
  '"': '"',
};

function describeStray(sign: string): string {
  if (sign === '"' || sign === "'") return 'a text has no closing quote on its line';
  return `${JSON.stringify(sign)} cannot stand here`;
}
