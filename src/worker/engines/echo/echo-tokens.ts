/** Echo's vocabulary: a token is up to three UTF-8 bytes, so every text has one reading and characters span tokens. */
const BYTES_PER_TOKEN = 3;

export const END_TOKEN = 2 ** 26 - 1;

const EMPTY = new Uint8Array(0);

/** Spells nothing; stands for an empty prompt. */
const EMPTY_TOKEN = 0;

/** Token = bytes b0 | b1 << 8 | b2 << 16 | count << 24. */
export function tokensOfText(text: string): number[] {
  const bytes = Buffer.from(text, 'utf8');
  const tokens: number[] = bytes.length === 0 ? [EMPTY_TOKEN] : [];
  for (let i = 0; i < bytes.length; i += BYTES_PER_TOKEN) {
    const count = Math.min(BYTES_PER_TOKEN, bytes.length - i);
    tokens.push((bytes[i] ?? 0) | ((bytes[i + 1] ?? 0) << 8) | ((bytes[i + 2] ?? 0) << 16) | (count << 24));
  }
  return tokens;
}

export function bytesOfToken(token: number): Uint8Array {
  if (token === END_TOKEN) return EMPTY;
  const bytes = Uint8Array.of(token & 255, (token >> 8) & 255, (token >> 16) & 255);
  return bytes.subarray(0, Math.min(token >>> 24, BYTES_PER_TOKEN));
}
