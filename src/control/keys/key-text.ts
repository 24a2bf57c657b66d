import { randomBytes, randomInt } from 'node:crypto';

const ID_LETTERS = 'abcdefghijkmnpqrstuvwxyz23456789';
const ID_LENGTH = 10;
const SECRET_BYTES = 24;
const SHAPE = /^plk_([a-z0-9]{4,32})_[A-Za-z0-9_-]{27,128}$/;

/** Draws a key: 192 bits of secret, an id of letters that cannot be mistaken for another. */
export function createKeyText(): { readonly id: string; readonly key: string } {
  const id = Array.from({ length: ID_LENGTH }, () => ID_LETTERS.charAt(randomInt(ID_LETTERS.length))).join('');
  return { id, key: `plk_${id}_${randomBytes(SECRET_BYTES).toString('base64url')}` };
}

/** The id inside a key's text, or nothing when it has not the shape of a key. */
export function keyIdOf(text: string): string | undefined {
  return SHAPE.exec(text)?.[1];
}
