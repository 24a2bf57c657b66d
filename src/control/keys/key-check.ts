import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Principal } from '../../core/messages/index.ts';
import type { KeyRecord } from '../../core/records/index.ts';
import { keyIdOf } from './key-text.ts';

const MAX_KEY_LENGTH = 512;
const RECENT_KEYS = 1_024;

/** Keys given from outside, verified like the others and never stored. They answer with the ids `fixed-inference` and `fixed-admin`. */
export interface FixedKeys {
  readonly apiKey?: string;
  readonly adminKey?: string;
}

interface HashedKey {
  readonly hash: Buffer;
  readonly principal: Principal;
}

/** Decides from memory whose a presented key is. */
export class KeyCheck {
  readonly #hashKey: Buffer;
  readonly #fixed: readonly HashedKey[];
  #stored: ReadonlyMap<string, HashedKey> = new Map();
  // Only keys that verified get in, so a stranger cannot push a caller's key out.
  #recent = new Map<string, Principal>();
  #uses = new Map<string, number>();

  constructor(hashKey: Buffer, fixedKeys: FixedKeys) {
    this.#hashKey = hashKey;
    this.#fixed = this.#hashFixed(fixedKeys);
  }

  replaceKeys(records: readonly KeyRecord[]): void {
    const usable = records.filter((record) => record.revokedAt === undefined);
    this.#stored = new Map(
      usable.map(({ id, role, hash }) => [id, { hash: Buffer.from(hash, 'hex'), principal: { keyId: id, role } }] as const),
    );
    this.#recent = new Map();
  }

  isEmpty(role: Principal['role']): boolean {
    return ![...this.#fixed, ...this.#stored.values()].some((key) => key.principal.role === role);
  }

  hashOf(key: string): string {
    return this.#digest(key).toString('hex');
  }

  verify(presentedKey: string, now: number): Principal | undefined {
    if (presentedKey.length === 0 || presentedKey.length > MAX_KEY_LENGTH) return undefined;
    const principal = this.#recent.get(presentedKey) ?? this.#verifyAfresh(presentedKey);
    if (principal !== undefined) this.#uses.set(principal.keyId, now);
    return principal;
  }

  /** When each key was last used since the last call: also those revoked since, and fixed ones, which the book does not know. */
  takeUses(): ReadonlyMap<string, number> {
    const uses = this.#uses;
    this.#uses = new Map();
    return uses;
  }

  #verifyAfresh(presentedKey: string): Principal | undefined {
    const digest = this.#digest(presentedKey);
    const principal = this.#matchFixed(digest) ?? this.#matchStored(presentedKey, digest);
    if (principal === undefined) return undefined;
    if (this.#recent.size >= RECENT_KEYS) this.#forgetOldest();
    this.#recent.set(presentedKey, principal);
    return principal;
  }

  #matchFixed(digest: Buffer): Principal | undefined {
    let found: Principal | undefined;
    for (const key of this.#fixed) {
      if (timingSafeEqual(digest, key.hash)) found = key.principal;
    }
    return found;
  }

  #matchStored(presentedKey: string, digest: Buffer): Principal | undefined {
    const key = this.#stored.get(keyIdOf(presentedKey) ?? '');
    const isMatch = key?.hash.length === digest.length && timingSafeEqual(digest, key.hash);
    return isMatch ? key.principal : undefined;
  }

  #forgetOldest(): void {
    const oldest = this.#recent.keys().next();
    if (!oldest.done) this.#recent.delete(oldest.value);
  }

  /** The admin key last, so that it decides when both are the same text. */
  #hashFixed(keys: FixedKeys): readonly HashedKey[] {
    const fixed: HashedKey[] = [];
    if (keys.apiKey) fixed.push({ hash: this.#digest(keys.apiKey), principal: { keyId: 'fixed-inference', role: 'inference' } });
    if (keys.adminKey) fixed.push({ hash: this.#digest(keys.adminKey), principal: { keyId: 'fixed-admin', role: 'admin' } });
    return fixed;
  }

  #digest(key: string): Buffer {
    return createHmac('sha256', this.#hashKey).update(key, 'utf8').digest();
  }
}
