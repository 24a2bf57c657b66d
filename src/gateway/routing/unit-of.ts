import { hash } from 'node:crypto';

/** What keeps requests together: a digest that names it without telling it, and 64 bits to hash arms with. */
export interface Unit {
  /** 16 hexadecimal digits, the same in every gateway. */
  readonly id: string;
  /** Two words of 32 bits. */
  readonly words: readonly [number, number];
}

/** `kind` and `salt` keep the same value apart for different uses. */
export function unitOf({ salt, kind, value }: { readonly salt: string; readonly kind: string; readonly value: string }): Unit {
  const digest = hash('sha256', `${salt}\n${kind}\n${value}`, 'hex');
  return { id: digest.slice(0, 16), words: [wordAt(digest, 16), wordAt(digest, 24)] };
}

/** The 64 bits of an arm. */
export function seedOf(key: string): readonly [number, number] {
  const digest = hash('sha256', key, 'hex');
  return [wordAt(digest, 0), wordAt(digest, 8)];
}

function wordAt(digest: string, at: number): number {
  return Number.parseInt(digest.slice(at, at + 8), 16);
}
