import { Tokenizer } from '@huggingface/tokenizers';
import { z } from 'zod';
import { readModelJson, refusal } from './model-files.ts';

/** Characters that a token may have before the rest of a text is left unread: words of any language have fewer. */
const CHARACTERS_PER_TOKEN = 32;

const tokenizerSchema = z.looseObject({ model: z.looseObject({}) });
const settingsSchema = z.looseObject({});

/** Token ids of one input as the model reads them, special ones included. */
export interface EncodedText {
  readonly ids: readonly number[];
  /** 0 for the first text and what belongs to it, 1 for the second. */
  readonly typeIds: readonly number[];
}

/** Tokens that the model's template puts around and between texts. */
interface Frame {
  readonly before: EncodedText;
  readonly between: EncodedText;
  readonly after: EncodedText;
  readonly firstType: number;
  readonly secondType: number;
}

/** Marks whose places in an encoded pair show the template. */
const FIRST_MARK = 'first';
const SECOND_MARK = 'next';

export interface TextTokenizerOptions {
  /** With tokenizer.json. */
  readonly folder: string;
  readonly maxTokens: number;
  readonly lowersCase: boolean;
}

/** The tokenizer of a text model: texts to ids, cut or not. */
export class TextTokenizer {
  readonly #tokenizer: Tokenizer;
  readonly #options: TextTokenizerOptions;
  readonly #single: Frame;
  readonly #pair: Frame | undefined;

  /** Throws `invalid_model_file`. */
  constructor(options: TextTokenizerOptions) {
    this.#options = options;
    this.#tokenizer = openTokenizer(options.folder);
    this.#single = this.#readFrame(undefined);
    this.#pair = this.#tryPairFrame();
    if (this.#single.before.ids.length + this.#single.after.ids.length >= options.maxTokens)
      throw refusal(`The model reads ${options.maxTokens} tokens, which its own special tokens fill.`);
  }

  /** Whether two texts can be read together. */
  get readsPairs(): boolean {
    return this.#pair !== undefined;
  }

  /** `isWhole` is false when the text was cut to what the model reads. */
  encode(text: string): { readonly encoded: EncodedText; readonly isWhole: boolean } {
    const { before, after, firstType } = this.#single;
    const room = this.#options.maxTokens - before.ids.length - after.ids.length;
    const { ids, isWhole } = this.#read(text, room);
    return { encoded: join([before, ofType(ids.slice(0, room), firstType), after]), isWhole };
  }

  /** As {@link encode}, for two texts that the model reads together: the longer one is cut first. */
  encodePair(first: string, second: string): { readonly encoded: EncodedText; readonly isWhole: boolean } {
    const frame = this.#pair;
    if (frame === undefined) throw refusal("The model's tokenizer has no template for two texts.");
    const { before, between, after, firstType, secondType } = frame;
    const room = this.#options.maxTokens - before.ids.length - between.ids.length - after.ids.length;
    const one = this.#read(first, room);
    const other = this.#read(second, room);
    const [oneLength, otherLength] = shareRoom(one.ids.length, other.ids.length, room);
    const parts = [
      before,
      ofType(one.ids.slice(0, oneLength), firstType),
      between,
      ofType(other.ids.slice(0, otherLength), secondType),
      after,
    ];
    const isWhole = one.isWhole && other.isWhole && one.ids.length + other.ids.length <= room;
    return { encoded: join(parts), isWhole };
  }

  /** Every token of the text up to one more than `room`, or more. */
  #read(text: string, room: number): { readonly ids: readonly number[]; readonly isWhole: boolean } {
    const most = room * CHARACTERS_PER_TOKEN;
    const cased = this.#options.lowersCase ? text.slice(0, most).toLowerCase() : text.slice(0, most);
    const ids = this.#tokenizer.encode(cased, { add_special_tokens: false }).ids;
    return { ids, isWhole: ids.length <= room && text.length <= most };
  }

  #tryPairFrame(): Frame | undefined {
    try {
      return this.#readFrame(SECOND_MARK);
    } catch {
      return undefined;
    }
  }

  /** Encodes marks and looks what came around them: every kind of template shows itself so. */
  #readFrame(secondMark: string | undefined): Frame {
    const first = this.#tokenizer.encode(FIRST_MARK, { add_special_tokens: false }).ids;
    const second = secondMark === undefined ? [] : this.#tokenizer.encode(secondMark, { add_special_tokens: false }).ids;
    const pair = secondMark === undefined ? {} : { text_pair: secondMark };
    const whole = this.#tokenizer.encode(FIRST_MARK, { ...pair, return_token_type_ids: true });
    const { ids } = whole;
    const typeIds: readonly number[] = whole.token_type_ids ?? ids.map(() => 0);
    const start = findRun(ids, first, 0);
    const next = start < 0 ? -1 : findRun(ids, second, start + first.length);
    if (first.length === 0 || next < 0) throw refusal("The template of the model's tokenizer is not understood.");
    const part = (from: number, to: number) => ({ ids: ids.slice(from, to), typeIds: typeIds.slice(from, to) });
    return {
      before: part(0, start),
      between: part(start + first.length, next),
      after: part(next + second.length, ids.length),
      firstType: typeIds[start] ?? 0,
      secondType: typeIds[next] ?? 0,
    };
  }
}

function openTokenizer(folder: string): Tokenizer {
  const tokenizer = readModelJson(folder, 'tokenizer.json', tokenizerSchema);
  if (tokenizer === undefined) throw refusal('The model has no tokenizer.json.');
  const settings = readModelJson(folder, 'tokenizer_config.json', settingsSchema) ?? {};
  try {
    return new Tokenizer(tokenizer, settings);
  } catch (error) {
    const reason = error instanceof Error ? error.message.slice(0, 200) : 'unknown reason';
    throw refusal(`The model's tokenizer.json cannot be used: ${reason}`);
  }
}

/** The lengths that two texts keep of `room`, as Hugging Face's "longest first" has it. */
function shareRoom(first: number, second: number, room: number): readonly [number, number] {
  if (first + second <= room) return [first, second];
  const short = Math.min(first, second, Math.floor(room / 2));
  const long = room - short;
  return first > second ? [long, short] : [short, long];
}

function findRun(ids: readonly number[], run: readonly number[], from: number): number {
  for (let at = from; at + run.length <= ids.length; at++) if (run.every((id, index) => ids[at + index] === id)) return at;
  return -1;
}

function ofType(ids: readonly number[], type: number): EncodedText {
  return { ids, typeIds: ids.map(() => type) };
}

function join(parts: readonly EncodedText[]): EncodedText {
  return { ids: parts.flatMap((part) => part.ids), typeIds: parts.flatMap((part) => part.typeIds) };
}
