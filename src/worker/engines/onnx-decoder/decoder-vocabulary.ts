import { Tokenizer } from '@huggingface/tokenizers';
import { PlinthError } from '../../../core/errors/index.ts';
import type { PromptText } from '../engine.ts';
import type { DecoderFiles, TokenizerFile } from './decoder-files.ts';
import { bytesOfToken, type Spelling } from './token-bytes.ts';

const EMPTY = new Uint8Array(0);
/** Ends of turns and texts, which not every configuration lists. */
const END_TEXTS = ['<|im_end|>', '<|eot_id|>', '<|endoftext|>', '<|end|>', '<end_of_turn>', '</s>'];

/** Tokens of one model out of its tokenizer.json: text to ids, ids to bytes. */
export class DecoderVocabulary {
  readonly bosText: string;
  readonly eosText: string;
  readonly controlTexts: readonly string[];
  readonly endTokens: readonly number[];
  readonly #speaking: Tokenizer;
  /** Knows no control tokens, so that a caller's text never becomes one. */
  readonly #plain: Tokenizer;
  readonly #spelling: Spelling;
  readonly #control: ReadonlyMap<number, string>;
  readonly #added: ReadonlyMap<number, string>;
  /** What every text begins with. */
  readonly #beginning: readonly number[];
  readonly #fallback: number;

  /** Throws PlinthError `invalid_model_file`. */
  constructor({ tokenizer, settings, endTokens }: DecoderFiles) {
    const { added_tokens: added } = tokenizer;
    const control = added.filter(({ special }) => special);
    this.#speaking = new Tokenizer(tokenizer, settings.all);
    this.#plain = new Tokenizer({ ...tokenizer, added_tokens: added.filter(({ special }) => !special) }, settings.all);
    this.#spelling = spellingOf(tokenizer);
    this.#control = new Map(control.map(({ id, content }) => [id, content]));
    this.#added = new Map(added.map(({ id, content }) => [id, content]));
    this.controlTexts = control.map(({ content }) => content).filter((text) => text !== '');
    this.bosText = settings.bosText;
    this.eosText = settings.eosText;
    const named = [this.eosText, ...END_TEXTS].map((text) => control.find(({ content }) => content === text)?.id);
    this.endTokens = [...new Set([...endTokens, ...named.filter((id) => id !== undefined)])];
    this.#beginning = this.#findBeginning();
    const bos = this.#speaking.token_to_id(this.bosText);
    this.#fallback = this.#beginning[0] ?? bos ?? this.endTokens[0] ?? 0;
  }

  /**
   * Never empty when `addsSpecial`: a text without tokens becomes the token that begins or ends texts. A template that writes the
   * begin token itself does not get a second one.
   */
  tokenize(prompt: readonly PromptText[], addsSpecial: 'yes' | 'no'): number[] {
    const tokens = prompt.flatMap((part) => this.#tokenizeText(part));
    if (addsSpecial === 'no') return tokens;
    const first = this.#beginning[0];
    const all = first === undefined || tokens[0] === first ? tokens : [...this.#beginning, ...tokens];
    return all.length === 0 ? [this.#fallback] : all;
  }

  bytes(token: number): Uint8Array {
    if (this.#control.has(token)) return EMPTY;
    const added = this.#added.get(token);
    if (added !== undefined) return Buffer.from(added, 'utf8');
    const text = this.#speaking.id_to_token(token);
    return text === undefined ? EMPTY : bytesOfToken(text, this.#spelling);
  }

  #tokenizeText({ text, parsesSpecial }: PromptText): number[] {
    if (text === '') return [];
    const tokenizer = parsesSpecial === 'yes' ? this.#speaking : this.#plain;
    const tokens = idsOf(tokenizer, text, 'no');
    if (parsesSpecial === 'yes' || !tokens.some((token) => this.#control.has(token))) return tokens;
    // A vocabulary that holds control texts as ordinary words, too: no two characters may meet.
    return Array.from(text).flatMap((character) => idsOf(tokenizer, character, 'no'));
  }

  #findBeginning(): readonly number[] {
    const probe = 'a';
    const bare = idsOf(this.#speaking, probe, 'no');
    const dressed = idsOf(this.#speaking, probe, 'yes');
    const at = dressed.findIndex((_, start) => bare.every((token, i) => dressed[start + i] === token));
    return at < 0 ? [] : dressed.slice(0, at);
  }
}

function idsOf(tokenizer: Tokenizer, text: string, addsSpecial: 'yes' | 'no'): number[] {
  return tokenizer.encode(text, { add_special_tokens: addsSpecial === 'yes' }).ids;
}

function spellingOf({ decoder, pre_tokenizer: before }: TokenizerFile): Spelling {
  const kinds = JSON.stringify([decoder, before]);
  if (kinds.includes('"ByteLevel"')) return 'byte-level';
  if (kinds.includes('"Metaspace"') || kinds.includes('"ByteFallback"') || kinds.includes('▁')) return 'pieces';
  const message =
    'The tokenizer of this model is neither a byte-level nor a SentencePiece one, so the bytes of its tokens are not known.';
  throw new PlinthError({ code: 'invalid_model_file', message });
}
