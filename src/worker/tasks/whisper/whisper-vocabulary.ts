import { Tokenizer } from '@huggingface/tokenizers';
import type { JsonObject } from '../../../core/inference/index.ts';
import { invalidFile, readJson } from './whisper-files.ts';

const LANGUAGE = /^<\|([a-z]{2,3})\|>$/;
const LONGEST_PROMPT_CHARACTERS = 100_000;

/** Tokens of a Whisper model, its control tokens by what they do. */
export class WhisperVocabulary {
  readonly endOfText: number;
  readonly startOfTranscript: number;
  readonly startOfPrevious: number | undefined;
  readonly noSpeech: number | undefined;
  readonly noTimestamps: number;
  /** The token of 0.00 s; each further one is 20 ms later. */
  readonly timestampBegin: number;
  /** Language token by code. Empty when the model knows English only. */
  readonly languages: ReadonlyMap<string, number>;
  readonly #taskTokens: Readonly<Record<'transcribe' | 'translate', number | undefined>>;
  readonly #text: Tokenizer;

  constructor(folder: string) {
    const file = readJson(folder, 'tokenizer.json');
    const ids = addedTokens(file);
    const must = (text: string): number => {
      const id = ids.get(text);
      if (id === undefined) throw invalidFile(`tokenizer.json has no token ${text}`);
      return id;
    };
    this.endOfText = must('<|endoftext|>');
    this.startOfTranscript = must('<|startoftranscript|>');
    this.startOfPrevious = ids.get('<|startofprev|>');
    this.noSpeech = ids.get('<|nospeech|>') ?? ids.get('<|nocaptions|>');
    this.noTimestamps = must('<|notimestamps|>');
    this.timestampBegin = this.noTimestamps + 1;
    this.#taskTokens = { transcribe: ids.get('<|transcribe|>'), translate: ids.get('<|translate|>') };
    this.languages = languagesOf(ids);
    this.#text = openTokenizer(file);
  }

  /** Tokens of a caller's text; nothing in it becomes a control token. */
  encode(text: string): readonly number[] {
    return this.#text.encode(text.slice(0, LONGEST_PROMPT_CHARACTERS), { add_special_tokens: false }).ids;
  }

  /** The text of tokens; control tokens and timestamps are left out. */
  decode(tokens: readonly number[]): string {
    const words = tokens.filter((token) => token < this.endOfText);
    return words.length === 0 ? '' : this.#text.decode(words, { clean_up_tokenization_spaces: false });
  }

  languageOf(token: number): string | undefined {
    for (const [code, id] of this.languages) if (id === token) return code;
    return undefined;
  }

  /** What a transcript begins with. */
  start(language: string | undefined, task: 'transcribe' | 'translate'): readonly number[] {
    const tokens = [this.startOfTranscript];
    const languageToken = language === undefined ? undefined : this.languages.get(language);
    const taskToken = this.#taskTokens[task];
    if (languageToken !== undefined) tokens.push(languageToken);
    if (languageToken !== undefined && taskToken !== undefined) tokens.push(taskToken);
    return tokens;
  }
}

function addedTokens(file: JsonObject): ReadonlyMap<string, number> {
  const added = file['added_tokens'];
  if (!Array.isArray(added)) throw invalidFile('tokenizer.json has no added_tokens');
  const ids = new Map<string, number>();
  for (const entry of added as ReadonlyArray<{ content?: unknown; id?: unknown } | null>) {
    if (typeof entry?.content === 'string' && Number.isSafeInteger(entry.id)) ids.set(entry.content, entry.id as number);
  }
  return ids;
}

function languagesOf(ids: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  if (!ids.has('<|translate|>')) return new Map();
  return new Map(
    [...ids].flatMap(([text, id]) => {
      const code = LANGUAGE.exec(text)?.[1];
      return code === undefined ? [] : [[code, id] as const];
    }),
  );
}

/** Without its added tokens, so that text which looks like one stays text. */
function openTokenizer(file: JsonObject): Tokenizer {
  try {
    return new Tokenizer({ ...file, added_tokens: [] }, {});
  } catch {
    throw invalidFile('tokenizer.json cannot be used');
  }
}
