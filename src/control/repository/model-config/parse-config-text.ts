import { nearestNames } from '../../../core/collections/index.ts';
import { PlinthError } from '../../../core/errors/index.ts';
import type { ConfigMessage, ConfigScalar, MessageDraft } from './config-message.ts';
import { fieldsOf, type FieldShape, type MessageName, type ScalarKind, type ValueKind } from './config-messages.ts';
import { describeScalar, readNumber } from './scalar-values.ts';
import { TextTokens, type Token } from './text-tokens.ts';

const MAX_CHARACTERS = 4 * 1024 * 1024;
const MAX_DEPTH = 16;

/**
 * Reads a `config.pbtxt`, protobuf's text format. `title` is what errors call it. Throws PlinthError `invalid_request` with line and
 * column on a field that ModelConfig lacks, a value of another kind, a single field given twice, two fields of a oneof, text of more
 * than 4 Mi characters or nesting deeper than 16.
 */
export function parseConfigText(text: string, title: string): ConfigMessage {
  if (text.length > MAX_CHARACTERS) {
    const message = `${title}: a model configuration has at most ${MAX_CHARACTERS} characters, this one has ${text.length}`;
    throw new PlinthError({ code: 'invalid_request', message });
  }
  const parser = new ConfigTextParser(new TextTokens(text, title));
  return parser.readMessage('ModelConfig', { end: undefined, depth: 0 });
}

interface Frame {
  /** The sign that ends the message; the end of the text when undefined. */
  readonly end: '}' | '>' | undefined;
  readonly depth: number;
}

class ConfigTextParser {
  readonly #tokens: TextTokens;

  constructor(tokens: TextTokens) {
    this.#tokens = tokens;
  }

  readMessage(message: MessageName, { end, depth }: Frame): ConfigMessage {
    if (depth > MAX_DEPTH) throw this.#tokens.flaw(this.#tokens.next, `nested deeper than ${MAX_DEPTH} levels`);
    const fields = fieldsOf(message);
    const draft: MessageDraft = {};
    while (!this.#isAtEnd(end)) {
      const name = this.#tokens.take();
      if (name.kind !== 'word') throw this.#unexpected(name, 'the name of a field');
      const field = fields.get(name.text);
      if (field === undefined) throw this.#unknownField(name, fields);
      this.#refuseRepetition(name, field, draft);
      this.#readField(field, { draft, depth });
      if (!this.#tokens.takeSign(',')) this.#tokens.takeSign(';');
    }
    return draft;
  }

  #isAtEnd(end: Frame['end']): boolean {
    if (end !== undefined) {
      if (this.#tokens.next.kind === 'end') throw this.#unexpected(this.#tokens.next, `"${end}"`);
      return this.#tokens.takeSign(end);
    }
    return this.#tokens.next.kind === 'end';
  }

  #readField(field: FieldShape, into: { readonly draft: MessageDraft; readonly depth: number }): void {
    const hasColon = this.#tokens.takeSign(':');
    if (!hasColon && field.value.type !== 'message' && field.form !== 'map')
      throw this.#unexpected(this.#tokens.next, `":" after ${field.name}`);
    const read = () => this.#readValue(field.value, into.depth);
    if (field.form === 'map') return this.#readMapEntries(field, into);
    if (field.form === 'single') {
      into.draft[field.name] = read();
      return;
    }
    // The draft is still under construction, and the list in it was made here.
    const list = (into.draft[field.name] ??= []) as Array<ConfigScalar | ConfigMessage>;
    this.#readOneOrMany(() => list.push(read()));
  }

  #readOneOrMany(readOne: () => void): void {
    if (!this.#tokens.takeSign('[')) return readOne();
    if (this.#tokens.takeSign(']')) return;
    do readOne();
    while (this.#tokens.takeSign(','));
    if (!this.#tokens.takeSign(']')) throw this.#unexpected(this.#tokens.next, '"," or "]"');
  }

  #readMapEntries(field: FieldShape, { draft, depth }: { readonly draft: MessageDraft; readonly depth: number }): void {
    const map = (draft[field.name] ??= new Map()) as Map<string, ConfigScalar | ConfigMessage>;
    this.#readOneOrMany(() => {
      const { key, value } = this.#readMapEntry(field, depth);
      map.set(key, value);
    });
  }

  #readMapEntry(field: FieldShape, depth: number): { readonly key: string; readonly value: ConfigScalar | ConfigMessage } {
    const end = this.#openMessage();
    let key: string | undefined;
    let value: ConfigScalar | ConfigMessage | undefined;
    while (!this.#isAtEnd(end)) {
      const name = this.#tokens.take();
      const hasColon = this.#tokens.takeSign(':');
      if (name.text === 'key' && key === undefined && hasColon) key = String(this.#readScalar(field.keyScalar ?? 'string'));
      else if (name.text === 'value' && value === undefined && (hasColon || field.value.type === 'message'))
        value = this.#readValue(field.value, depth);
      else throw this.#unexpected(name, `one "key:" and one "value" in ${field.name}`);
      if (!this.#tokens.takeSign(',')) this.#tokens.takeSign(';');
    }
    return { key: key ?? (field.keyScalar === 'string' ? '' : '0'), value: value ?? (field.value.type === 'message' ? {} : '') };
  }

  #readValue(kind: ValueKind, depth: number): ConfigScalar | ConfigMessage {
    if (kind.type === 'message') return this.readMessage(kind.message, { end: this.#openMessage(), depth: depth + 1 });
    return kind.type === 'enum' ? this.#readEnum(kind.names) : this.#readScalar(kind.scalar);
  }

  #openMessage(): '}' | '>' {
    if (this.#tokens.takeSign('{')) return '}';
    if (this.#tokens.takeSign('<')) return '>';
    throw this.#unexpected(this.#tokens.next, '"{"');
  }

  #readEnum(names: readonly string[]): string {
    const token = this.#tokens.take();
    const name = token.kind === 'number' ? names[Number(token.text)] : names.find((candidate) => candidate === token.text);
    if (name === undefined || token.kind === 'text') throw this.#unexpected(token, `one of ${names.join(', ')}`);
    return name;
  }

  #readScalar(kind: ScalarKind): ConfigScalar {
    if (kind === 'string') return this.#readText();
    const isNegative = this.#tokens.takeSign('-');
    const token = this.#tokens.take();
    const value = kind === 'bool' ? readFlag(token) : readNumber(kind, (isNegative ? -1 : 1) * numberOf(token, kind));
    if (value === undefined || (isNegative && kind === 'bool')) throw this.#unexpected(token, describeScalar(kind));
    return value;
  }

  /** Texts that stand one after the other are one. */
  #readText(): string {
    const token = this.#tokens.take();
    if (token.kind !== 'text') throw this.#unexpected(token, describeScalar('string'));
    const parts = [token.text];
    while (this.#tokens.next.kind === 'text') parts.push(this.#tokens.take().text);
    return parts.join('');
  }

  #refuseRepetition(name: Token, field: FieldShape, draft: MessageDraft): void {
    if (field.form === 'single' && Object.hasOwn(draft, field.name))
      throw this.#tokens.flaw(name, `"${field.name}" is given a second time`);
    const rival = field.rivals.find((candidate) => Object.hasOwn(draft, candidate));
    if (rival !== undefined) throw this.#tokens.flaw(name, `"${field.name}" and "${rival}" cannot both be given`);
  }

  #unknownField(name: Token, fields: ReadonlyMap<string, FieldShape>): PlinthError {
    const [near] = nearestNames(name.text, [...fields.keys()]);
    const hint = near === undefined ? '' : `; did you mean "${near}"?`;
    return this.#tokens.flaw(name, `unknown field ${shorten(name.text)}${hint}`);
  }

  #unexpected(token: Token, expected: string): PlinthError {
    return this.#tokens.flaw(token, `expected ${expected}, got ${token.kind === 'end' ? token.text : shorten(token.text)}`);
  }
}

function shorten(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}

const TRUE = new Set(['true', 'True', 't', '1']);
const FALSE = new Set(['false', 'False', 'f', '0']);

function readFlag({ kind, text }: Token): boolean | undefined {
  if (kind === 'text') return undefined;
  return TRUE.has(text) ? true : FALSE.has(text) ? false : undefined;
}

function numberOf({ kind, text }: Token, wanted: ScalarKind): number {
  const isReal = wanted === 'float' || wanted === 'double';
  if (kind === 'word' && isReal) return /^inf(inity)?$/i.test(text) ? Infinity : Number.NaN;
  if (kind !== 'number') return Number.NaN;
  if (/^0[xX]/.test(text)) return Number.parseInt(text, 16);
  if (isReal) return Number.parseFloat(text);
  if (/^0[0-7]+$/.test(text)) return Number.parseInt(text, 8);
  return /^\d+$/.test(text) ? Number(text) : Number.NaN;
}
