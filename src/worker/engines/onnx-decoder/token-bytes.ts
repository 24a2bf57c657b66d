/** How a tokenizer's tokens spell bytes: each character a byte, or words with ▁ for a blank and <0x0A> for a single byte. */
export type Spelling = 'byte-level' | 'pieces';

const SINGLE_BYTE = /^<0x([0-9A-Fa-f]{2})>$/;

/** GPT-2's alphabet: printable bytes stand for themselves, the others for the characters from 256 on. */
const byteOfCharacter = new Map<string, number>();
{
  let next = 256;
  for (let byte = 0; byte < 256; byte++) {
    const isPrintable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    byteOfCharacter.set(String.fromCodePoint(isPrintable ? byte : next++), byte);
  }
}

/** The bytes of a token as the vocabulary writes it. */
export function bytesOfToken(token: string, spelling: Spelling): Uint8Array {
  if (spelling === 'byte-level') {
    const bytes = Array.from(token, (character) => byteOfCharacter.get(character));
    return bytes.includes(undefined) ? Buffer.from(token, 'utf8') : Uint8Array.from(bytes, (byte) => byte ?? 0);
  }
  const [, hex] = SINGLE_BYTE.exec(token) ?? [];
  return hex === undefined ? Buffer.from(token.replaceAll('▁', ' '), 'utf8') : Uint8Array.of(Number.parseInt(hex, 16));
}
