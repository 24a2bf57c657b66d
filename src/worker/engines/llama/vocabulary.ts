import type { PromptText } from '../engine.ts';
import type { Native, Pointer } from '../llama-library/index.ts';

const NO_TOKEN = -1;
const EMPTY = new Uint8Array(0);

/** Tokens of one loaded model: text to ids, ids to bytes. */
export class Vocabulary {
  readonly size: number;
  readonly #native: Native;
  readonly #pointer: Pointer;
  readonly #pieces: (Uint8Array | undefined)[];
  readonly #ends: Uint8Array;
  #scratch = new Int32Array(4096);

  constructor(native: Native, pointer: Pointer) {
    this.#native = native;
    this.#pointer = pointer;
    this.size = native.tokenCount(pointer);
    this.#pieces = Array.from({ length: this.size }, () => undefined);
    this.#ends = new Uint8Array(this.size);
    for (let token = 0; token < this.size; token++) this.#ends[token] = native.isEndToken(pointer, token) ? 1 : 0;
  }

  get pointer(): Pointer {
    return this.#pointer;
  }

  get bosText(): string {
    return this.#textOf(this.#native.bosToken(this.#pointer));
  }

  get eosText(): string {
    return this.#textOf(this.#native.eosToken(this.#pointer));
  }

  isEnd(token: number): boolean {
    return this.#ends[token] === 1;
  }

  /** Texts that a tokenizer told to parse specials reads as control tokens. */
  controlTexts(): string[] {
    const texts: string[] = [];
    for (let token = 0; token < this.size; token++) {
      if (this.#native.isControlToken(this.#pointer, token)) texts.push(this.#textOf(token));
    }
    return texts.filter((text) => text.length > 0);
  }

  /**
   * Never empty: a text without tokens becomes the token that begins or ends texts. A template that writes the begin token itself
   * does not get a second one.
   */
  tokenize(prompt: readonly PromptText[], addsSpecial: boolean): number[] {
    const bos = this.#native.bosToken(this.#pointer);
    const tokens = prompt.flatMap((part) => this.#tokenizeText(part));
    if (addsSpecial && this.#native.addsBos(this.#pointer) && bos !== NO_TOKEN && tokens[0] !== bos) tokens.unshift(bos);
    if (tokens.length === 0 && addsSpecial)
      tokens.push(bos === NO_TOKEN ? Math.max(0, this.#native.eosToken(this.#pointer)) : bos);
    return tokens;
  }

  /** Prefix–suffix–middle order, as the model was trained; undefined when the vocabulary lacks the tokens. */
  infill(prefix: string, suffix: string): number[] | undefined {
    const [before, after, middle] = [
      this.#native.infillPrefix(this.#pointer),
      this.#native.infillSuffix(this.#pointer),
      this.#native.infillMiddle(this.#pointer),
    ];
    if (before === NO_TOKEN || after === NO_TOKEN || middle === NO_TOKEN) return undefined;
    const read = (text: string) => this.#tokenizeText({ text, parsesSpecial: 'no' });
    return [before, ...read(prefix), after, ...read(suffix), middle];
  }

  bytes(token: number): Uint8Array {
    return (this.#pieces[token] ??= this.#readPiece(token));
  }

  #tokenizeText({ text, parsesSpecial }: PromptText): number[] {
    if (text.length === 0) return [];
    const bytes = Buffer.from(text, 'utf8');
    if (this.#scratch.length < bytes.length + 8) this.#scratch = new Int32Array(bytes.length + 8);
    const { length } = this.#scratch;
    const count = this.#native.tokenize(
      this.#pointer,
      bytes,
      bytes.length,
      this.#scratch,
      length,
      false,
      parsesSpecial === 'yes',
    );
    if (count < 0) throw new RangeError('the tokenizer needs more room than one token a byte');
    return Array.from(this.#scratch.subarray(0, count));
  }

  #readPiece(token: number): Uint8Array {
    if (token < 0 || token >= this.size) return EMPTY;
    let buffer = Buffer.alloc(64);
    let length = this.#native.tokenPiece(this.#pointer, token, buffer, buffer.length, 0, false);
    if (length < 0) {
      buffer = Buffer.alloc(-length);
      length = this.#native.tokenPiece(this.#pointer, token, buffer, buffer.length, 0, false);
    }
    return new Uint8Array(buffer.subarray(0, Math.max(0, length)));
  }

  #textOf(token: number): string {
    return token === NO_TOKEN ? '' : this.#native.tokenText(this.#pointer, token);
  }
}
