import { PlinthError } from '../../core/errors/index.ts';
import type { KeyVerifier } from '../../core/messages/index.ts';
import type { KeyRecord, KeyRecords } from '../../core/records/index.ts';
import type { Logger } from '../../core/telemetry/index.ts';
import { KeyCheck, type FixedKeys } from './key-check.ts';
import { readHashKey } from './hash-key.ts';
import { createKeyText } from './key-text.ts';

const POLL_INTERVAL_MS = 250;
const USES_INTERVAL_MS = 60_000;

type Role = KeyRecord['role'];

/** What may be told about a key. Times are unix milliseconds. */
export type KeyFacts = Omit<KeyRecord, 'hash'>;

/** A key at the only time it is known. */
export interface NewKey {
  readonly id: string;
  /** The key itself, `plk_<id>_<secret>`; it cannot be had again. */
  readonly key: string;
}

/** What a keyring stands on. */
export interface KeyringOptions {
  readonly book: KeyRecords;
  /** Absolute path of PLINTH_HOME; the hash key is kept in `secrets/key-hash.key` there, unless the book is shared and has one. */
  readonly home: string;
  readonly fixedKeys?: FixedKeys;
  readonly logger?: Logger;
  /** How often the book is asked whether keys changed; 250 ms when absent. */
  readonly pollIntervalMs?: number;
}

/** The keys of this book. Verifying never waits: a change made by another process is seen within `seenWithinMs`. */
export interface Keyring extends KeyVerifier {
  /** By when the other keyrings of this book go by a change that was made through this one. */
  readonly seenWithinMs: number;
  /** Throws `invalid_request` for a label that is longer than 100 characters or unprintable. */
  create(request: { readonly label: string; readonly role: Role }): Promise<NewKey>;
  /** Stored keys, oldest first, revoked ones included. */
  list(): Promise<readonly KeyFacts[]>;
  /** False when no key has this id or it was revoked before. */
  revoke(id: string): Promise<boolean>;
  /** No usable key of this role, fixed keys counted. */
  isEmpty(role: Role): boolean;
  /** Stops watching the book and notes the last uses. Leaves the book open. */
  close(): Promise<void>;
}

/** Throws `internal_error` when the hash key cannot be read or written. */
export async function openKeyring(options: KeyringOptions): Promise<Keyring> {
  const check = new KeyCheck(options.fixedKeys ?? {});
  const watch = new BookWatch(options, check);
  await watch.refresh();
  const { pollIntervalMs = POLL_INTERVAL_MS } = options;
  const timers = [
    setInterval(() => void watch.poll(), pollIntervalMs).unref(),
    setInterval(() => void watch.noteUses(), USES_INTERVAL_MS).unref(),
  ];
  return {
    // The poll that is due, and one more for a busy machine.
    seenWithinMs: 2 * pollIntervalMs,
    verify: (presentedKey) => check.verify(presentedKey, Date.now()),
    isEmpty: (role) => check.isEmpty(role),
    async create({ label, role }) {
      checkLabel(label);
      const made = createKeyText();
      // Hashed with what the book says now, also where it was made anew under the same address.
      await watch.refresh();
      await options.book.addKey({ label, role, id: made.id, hash: check.hashOf(made.key), createdAt: Date.now() });
      await watch.refresh();
      return made;
    },
    async list() {
      const records = await options.book.listKeys();
      return records.map(({ hash: _, ...facts }) => facts);
    },
    async revoke(id) {
      const isRevoked = await options.book.revokeKey(id, Date.now());
      await watch.refresh();
      return isRevoked;
    },
    async close() {
      for (const timer of timers) clearInterval(timer);
      await watch.noteUses();
    },
  };
}

function checkLabel(label: string): void {
  if (/^[^\p{C}]{0,100}$/u.test(label)) return;
  throw new PlinthError({ code: 'invalid_request', message: 'a key label has at most 100 printable characters' });
}

/** Carries changes from the book to the check, and uses the other way. */
class BookWatch {
  readonly #book: KeyRecords;
  readonly #home: string;
  readonly #check: KeyCheck;
  readonly #logger: Logger | undefined;
  #homeKey: Buffer | undefined;
  #revision = -1;
  #isFailing = false;

  constructor({ book, home, logger }: KeyringOptions, check: KeyCheck) {
    this.#book = book;
    this.#home = home;
    this.#check = check;
    this.#logger = logger;
  }

  async refresh(): Promise<void> {
    // Read before the list: a change between the two is then seen again at the next poll instead of being missed.
    const revision = await this.#book.keysRevision();
    this.#check.replaceKeys(await this.#book.listKeys(), await this.#readHashKey());
    this.#revision = revision;
  }

  async #readHashKey(): Promise<Buffer> {
    const secret = await this.#book.keySecret();
    if (secret !== undefined) return Buffer.from(secret, 'hex');
    this.#homeKey ??= await readHashKey(this.#home);
    return this.#homeKey;
  }

  async poll(): Promise<void> {
    try {
      if ((await this.#book.keysRevision()) !== this.#revision) await this.refresh();
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing)
        this.#logger?.warn({ err: error }, 'the book of keys cannot be read; the last known keys stay in force');
      this.#isFailing = true;
    }
  }

  async noteUses(): Promise<void> {
    const uses = this.#check.takeUses();
    if (uses.size === 0) return;
    try {
      await this.#book.noteKeyUses(uses);
    } catch (error) {
      this.#logger?.warn({ err: error }, 'the last uses of keys cannot be noted');
    }
  }
}
