import { createHmac, timingSafeEqual } from 'node:crypto';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { PlinthError } from '../../../core/errors/index.ts';
import { hasCode, replaceFile } from '../../../core/files/index.ts';
import type {
  ExperimentRecord,
  KeyRecord,
  LineRecord,
  ModelRecord,
  RolloutRecord,
  VersionRecord,
} from '../../../core/records/index.ts';
import { schemaVersion } from '../schema/index.ts';
import { isOther, type BookContents } from './book-contents.ts';
import { readSigningKey } from './signing-key.ts';

const MOST_BYTES = 256 * 1024 * 1024;
/** What the signature covers begins with this, so that the key signs nothing else. */
const PURPOSE = 'plinth book memory 1\n';

const fileSchema = z.strictObject({ signature: z.string().regex(/^[0-9a-f]{64}$/), content: z.string() });
const listOf = <T>() => z.custom<readonly T[]>((value) => Array.isArray(value), 'a list');
const revisionsSchema = z.custom<BookContents['revisions']>((value) => z.record(z.string(), z.number()).safeParse(value).success);

/** Records are taken as this home wrote them: the signature says that it did, `schema` that it wrote them as they are now. */
const contentSchema = z.strictObject({
  /** Of the database that this was read from. */
  identity: z.string(),
  schema: z.literal(schemaVersion),
  contents: z.strictObject({
    revisions: revisionsSchema,
    keys: listOf<KeyRecord>(),
    keySecret: z.string().optional(),
    models: listOf<ModelRecord>(),
    versions: listOf<VersionRecord>(),
    lines: listOf<LineRecord>(),
    rollouts: listOf<RolloutRecord>(),
    experiments: listOf<ExperimentRecord>(),
  }),
});

/** Where a home keeps what it remembers of its book, and of which database. */
export interface MemoryFileOptions {
  readonly home: string;
  readonly identity: string;
}

/** `<home>/state/book-memory.json`: the last contents of a book, signed with HMAC-SHA256 (RFC 2104). */
export class MemoryFile {
  readonly #filePath: string;
  readonly #identity: string;
  readonly #key: Buffer;

  private constructor({ home, identity }: MemoryFileOptions, key: Buffer) {
    this.#filePath = join(home, 'state', 'book-memory.json');
    this.#identity = identity;
    this.#key = key;
  }

  static async open(options: MemoryFileOptions): Promise<MemoryFile> {
    return new MemoryFile(options, await readSigningKey(options.home));
  }

  /** Undefined when there is none. Throws `internal_error` for one that this home has not signed, or not of this database. */
  async read(): Promise<BookContents | undefined> {
    const text = await this.#readText();
    if (text === undefined) return undefined;
    const file = fileSchema.safeParse(parsed(text));
    if (!file.success) throw this.#refusal('it is malformed');
    const signature = Buffer.from(file.data.signature, 'hex');
    if (!timingSafeEqual(signature, this.#sign(file.data.content))) throw this.#refusal('its signature is wrong');
    const content = contentSchema.safeParse(parsed(file.data.content));
    if (!content.success) throw this.#refusal('another release wrote it');
    if (content.data.identity !== this.#identity) throw this.#refusal('it is of another database');
    return content.data.contents;
  }

  /** Does nothing when another process has already kept newer releases of the same database. */
  async write(contents: BookContents): Promise<void> {
    const kept = await this.read().catch(() => undefined);
    if (kept !== undefined && isNewer(kept, contents)) return;
    const content = JSON.stringify({ identity: this.#identity, schema: schemaVersion, contents });
    const signature = this.#sign(content).toString('hex');
    await mkdir(dirname(this.#filePath), { recursive: true, mode: 0o700 });
    await replaceFile(this.#filePath, `${JSON.stringify({ signature, content })}\n`);
  }

  #sign(content: string): Buffer {
    return createHmac('sha256', this.#key).update(PURPOSE).update(content, 'utf8').digest();
  }

  async #readText(): Promise<string | undefined> {
    try {
      const { size } = await stat(this.#filePath);
      if (size > MOST_BYTES) throw this.#refusal(`it has ${size} bytes, at most ${MOST_BYTES} are read`);
      return await readFile(this.#filePath, 'utf8');
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return undefined;
      throw error;
    }
  }

  #refusal(why: string): PlinthError {
    const message = `the last known state of the book, ${this.#filePath}, is not used: ${why}. Delete it, or start when the database can be reached`;
    return new PlinthError({ code: 'internal_error', message });
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isNewer(kept: BookContents, contents: BookContents): boolean {
  // A database that was made anew under the same address counts from the beginning.
  if (kept.keySecret !== contents.keySecret) return false;
  const isAhead = (['keys', 'models', 'releases'] as const).every(
    (subject) => kept.revisions[subject] >= contents.revisions[subject],
  );
  return isAhead && isOther(kept.revisions, contents.revisions, ['keys', 'models', 'releases']);
}
