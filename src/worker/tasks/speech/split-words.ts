/** A word as it is written, with the space before it, and the tokens that it is made of. */
export interface TokenWord {
  readonly word: string;
  readonly tokens: readonly number[];
}

/** Languages that are written without spaces: every character counts as a word. */
const WITHOUT_SPACES = new Set(['zh', 'ja', 'th', 'lo', 'my', 'yue']);
const REPLACEMENT = '\uFFFD';
const PUNCTUATION = /^[!-/:-@[-`{-~]+$/;
const OPENING = /^["'“¿([{-]+$/;
const CLOSING = /^["'.。,，!！?？:：”)\]}、]+$/;

/** Words of the tokens of a text; punctuation goes with the word that it belongs to. */
export function splitWords(
  tokens: readonly number[],
  language: string | undefined,
  decode: (tokens: readonly number[]) => string,
): readonly TokenWord[] {
  const characters = joinCharacters(tokens, decode);
  const words = WITHOUT_SPACES.has(language ?? '') ? characters : joinAtSpaces(characters);
  return attachClosing(attachOpening(words));
}

/** Tokens may end inside a character: such ones stay together. */
function joinCharacters(tokens: readonly number[], decode: (tokens: readonly number[]) => string): readonly TokenWord[] {
  const words: TokenWord[] = [];
  let open: number[] = [];
  for (const token of tokens) {
    open.push(token);
    const word = decode(open);
    if (word.includes(REPLACEMENT)) continue;
    words.push({ word, tokens: open });
    open = [];
  }
  if (open.length > 0) words.push({ word: decode(open), tokens: open });
  return words;
}

function joinAtSpaces(pieces: readonly TokenWord[]): readonly TokenWord[] {
  const words: TokenWord[] = [];
  for (const piece of pieces) {
    const last = words.at(-1);
    const beginsWord = last === undefined || piece.word.startsWith(' ') || PUNCTUATION.test(piece.word.trim());
    if (beginsWord) words.push(piece);
    else words[words.length - 1] = join(last, piece);
  }
  return words;
}

function attachOpening(words: readonly TokenWord[]): readonly TokenWord[] {
  const joined: TokenWord[] = [];
  for (const word of words.toReversed()) {
    const next = joined.at(-1);
    const isOpening = word.word.startsWith(' ') && OPENING.test(word.word.trim());
    if (next !== undefined && isOpening) joined[joined.length - 1] = join(word, next);
    else joined.push(word);
  }
  return joined.toReversed();
}

function attachClosing(words: readonly TokenWord[]): readonly TokenWord[] {
  const joined: TokenWord[] = [];
  for (const word of words) {
    const last = joined.at(-1);
    if (last !== undefined && !last.word.endsWith(' ') && CLOSING.test(word.word)) joined[joined.length - 1] = join(last, word);
    else joined.push(word);
  }
  return joined;
}

function join(first: TokenWord, second: TokenWord): TokenWord {
  return { word: first.word + second.word, tokens: [...first.tokens, ...second.tokens] };
}
