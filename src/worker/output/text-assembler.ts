import type { TokenLogprobs } from '../../core/inference/index.ts';

/** A stretch of text that is safe to send, with the log-probabilities of the tokens that it completes. */
export interface TextPiece {
  readonly text: string;
  readonly logprobs: readonly TokenLogprobs[];
  /** The text ended because a stop string came; nothing follows. */
  readonly isStopped: boolean;
}

interface HeldToken {
  /** Where the token's text ends, counted from the beginning of the answer. */
  readonly end: number;
  readonly logprobs: TokenLogprobs;
}

/**
 * Turns token bytes into whole characters and watches for stop strings, which may span tokens. Text that could be the beginning of a
 * stop string is held until that is decided; a stop string itself is never sent.
 */
export class TextAssembler {
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  readonly #stops: readonly string[];
  #held = '';
  #sent = 0;
  #tokens: HeldToken[] = [];

  constructor(stops: readonly string[]) {
    this.#stops = stops;
  }

  push(bytes: Uint8Array, logprobs?: TokenLogprobs): TextPiece {
    this.#held += this.#decoder.decode(bytes, { stream: true });
    if (logprobs !== undefined) this.#tokens.push({ end: this.#sent + this.#held.length, logprobs });
    if (this.#stops.length === 0) return this.#release(this.#held.length);
    const stopAt = firstIndexOf(this.#held, this.#stops);
    if (stopAt >= 0) return this.#stop(stopAt);
    return this.#release(this.#held.length - longestHeldBack(this.#held, this.#stops));
  }

  /** The rest, when generation ended for another reason. Bytes of an unfinished character are left out. */
  end(): TextPiece {
    const piece = this.#release(this.#held.length);
    const rest = this.#tokens.map((token) => token.logprobs);
    this.#tokens = [];
    return rest.length === 0 ? piece : { ...piece, logprobs: [...piece.logprobs, ...rest] };
  }

  #release(length: number): TextPiece {
    const text = this.#held.slice(0, length);
    this.#held = this.#held.slice(length);
    this.#sent += length;
    return { text, logprobs: this.#takeTokens((token) => token.end <= this.#sent), isStopped: false };
  }

  #stop(at: number): TextPiece {
    const text = this.#held.slice(0, at);
    const limit = this.#sent + at;
    const logprobs = this.#takeTokens((token) => token.end <= limit);
    this.#held = '';
    this.#tokens = [];
    this.#sent = limit;
    return { text, logprobs, isStopped: true };
  }

  #takeTokens(isDue: (token: HeldToken) => boolean): readonly TokenLogprobs[] {
    if (this.#tokens.length === 0) return [];
    const due = this.#tokens.filter(isDue);
    this.#tokens = this.#tokens.slice(due.length);
    return due.map((token) => token.logprobs);
  }
}

function firstIndexOf(text: string, needles: readonly string[]): number {
  let first = -1;
  for (const needle of needles) {
    const index = text.indexOf(needle);
    if (index >= 0 && (first === -1 || index < first)) first = index;
  }
  return first;
}

/** Length of the longest end of `text` that begins one of the stop strings. */
function longestHeldBack(text: string, stops: readonly string[]): number {
  let longest = 0;
  for (const stop of stops) {
    for (let length = Math.min(stop.length - 1, text.length); length > longest; length--) {
      if (text.endsWith(stop.slice(0, length))) longest = length;
    }
  }
  return longest;
}
