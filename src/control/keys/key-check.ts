import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
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
  /** Fixed keys are hashed for this process only. */
  readonly #ownKey = randomBytes(32);
  #hashKey: Buffer = this.#ownKey;
  readonly #fixed: readonly HashedKey[];
  #stored: ReadonlyMap<string, HashedKey> = new Map();
  // Only keys that verified get in, so a stranger cannot push a caller's key out.
  #recent = new Map<string, Principal>();
  #uses = new Map<string, number>();

  constructor(fixedKeys: FixedKeys) {
    this.#fixed = this.#hashFixed(fixedKeys);
  }

  replaceKeys(records: readonly KeyRecord[], hashKey: Buffer): void {
    this.#hashKey = hashKey;
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
    return digest(this.#hashKey, key).toString('hex');
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
    const principal = this.#matchFixed(presentedKey) ?? this.#matchStored(presentedKey);
    if (principal === undefined) return undefined;
    if (this.#recent.size >= RECENT_KEYS) this.#forgetOldest();
    this.#recent.set(presentedKey, principal);
    return principal;
  }

  #matchFixed(presentedKey: string): Principal | undefined {
    const presented = digest(this.#ownKey, presentedKey);
    let found: Principal | undefined;
    for (const key of this.#fixed) {
      if (timingSafeEqual(presented, key.hash)) found = key.principal;
    }
    return found;
  }

  #matchStored(presentedKey: string): Principal | undefined {
    const key = this.#stored.get(keyIdOf(presentedKey) ?? '');
    const presented = digest(this.#hashKey, presentedKey);
    const isMatch = key?.hash.length === presented.length && timingSafeEqual(presented, key.hash);
    return isMatch ? key.principal : undefined;
  }

  #forgetOldest(): void {
    const oldest = this.#recent.keys().next();
    if (!oldest.done) this.#recent.delete(oldest.value);
  }

  /** The admin key last, so that it decides when both are the same text. */
  #hashFixed(keys: FixedKeys): readonly HashedKey[] {
    const fixed: HashedKey[] = [];
    if (keys.apiKey)
      fixed.push({ hash: digest(this.#ownKey, keys.apiKey), principal: { keyId: 'fixed-inference', role: 'inference' } });
    if (keys.adminKey)
      fixed.push({ hash: digest(this.#ownKey, keys.adminKey), principal: { keyId: 'fixed-admin', role: 'admin' } });
    return fixed;
  }
}

function digest(hashKey: Buffer, key: string): Buffer {
  return createHmac('sha256', hashKey).update(key, 'utf8').digest();
}
