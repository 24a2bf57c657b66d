import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readFile, rm, statfs, writeFile, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { PlinthError } from '../../../core/errors/index.ts';
import { hasCode } from '../../../core/files/index.ts';
import { readFileState } from '../blob-folder.ts';
import type { DownloadTarget } from '../sources/index.ts';

/** Left free on the disk: the book and the logs must still be written. */
const SPARE_BYTES = 64 * 1024 * 1024;
const HASH_CHUNK_BYTES = 1024 * 1024;

const noteSchema = z.strictObject({ reference: z.string(), tag: z.string() });

export interface PartialFileOptions {
  /** The file; a note of where its bytes came from lies beside it as `<filePath>.json`. */
  readonly filePath: string;
  readonly reference: string;
  readonly expectedBytes?: number;
  readonly expectedSha256?: string;
  readonly readFreeBytes?: (folder: string) => Promise<number>;
  readonly onBytes: (heldBytes: number, totalBytes: number | undefined) => void;
}

/** A file that grows, hashed as it does; what it holds outlives a kill and is taken up again. */
export class PartialFile implements DownloadTarget {
  readonly #options: PartialFileOptions;
  readonly #file: FileHandle;
  #hash: Hash = createHash('sha256');
  #hashedBytes = 0;
  #heldBytes: number;
  #heldTag: string | undefined;
  #expectedSha256: string | undefined;
  #totalBytes: number | undefined;

  private constructor(options: PartialFileOptions, file: FileHandle, held: { bytes: number; tag: string | undefined }) {
    this.#options = options;
    this.#file = file;
    this.#heldBytes = held.bytes;
    this.#heldTag = held.tag;
    this.#expectedSha256 = options.expectedSha256;
  }

  static async open(options: PartialFileOptions): Promise<PartialFile> {
    const state = await readFileState(options.filePath);
    const file = await open(options.filePath, state === undefined ? 'wx+' : 'r+', 0o600);
    const note = await readNote(options.filePath);
    const tag = note?.reference === options.reference ? note.tag : undefined;
    return new PartialFile(options, file, { bytes: state?.bytes ?? 0, tag });
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  get heldTag(): string | undefined {
    return this.#heldTag;
  }

  get expectedBytes(): number | undefined {
    return this.#options.expectedBytes;
  }

  get expectedSha256(): string | undefined {
    return this.#expectedSha256;
  }

  /** Whether another attempt can go on from what is held: something tells in the end that the bytes belong together. */
  get isResumable(): boolean {
    return this.#heldBytes > 0 && (this.#expectedSha256 !== undefined || this.#heldTag !== undefined);
  }

  expectSha256(sha256: string): void {
    if (this.#expectedSha256 !== undefined && this.#expectedSha256 !== sha256) {
      throw new Error(`it offers another file: sha256 ${sha256}, expected ${this.#expectedSha256}`);
    }
    this.#expectedSha256 = sha256;
  }

  async demandSpace(bytes: number): Promise<void> {
    await demandFreeBytes(bytes, dirname(this.#options.filePath), this.#options.readFreeBytes);
  }

  async start(beginning: { readonly fromBytes: number; readonly totalBytes?: number; readonly tag?: string }): Promise<void> {
    const { fromBytes, totalBytes, tag } = beginning;
    const expected = this.#options.expectedBytes;
    if (totalBytes !== undefined && expected !== undefined && totalBytes !== expected) {
      throw new Error(`it offers another file: ${totalBytes} bytes, expected ${expected}`);
    }
    this.#totalBytes = totalBytes ?? expected;
    if (this.#totalBytes !== undefined) await this.demandSpace(Math.max(0, this.#totalBytes - this.#heldBytes));
    await this.#keepUpTo(fromBytes);
    await this.#noteTag(tag);
    this.#options.onBytes(this.#heldBytes, this.#totalBytes);
  }

  async write(chunk: Uint8Array): Promise<void> {
    const expected = this.#options.expectedBytes;
    if (expected !== undefined && this.#heldBytes + chunk.length > expected)
      throw new Error(`it sends more than the expected ${expected} bytes`);
    try {
      for (let at = 0; at < chunk.length;) {
        at += (await this.#file.write(chunk, at, chunk.length - at, this.#heldBytes + at)).bytesWritten;
      }
    } catch (error) {
      if (hasCode(error, 'ENOSPC')) throw noSpace('the disk is full');
      throw error;
    }
    this.#hash.update(chunk);
    this.#heldBytes += chunk.length;
    this.#hashedBytes = this.#heldBytes;
    this.#options.onBytes(this.#heldBytes, this.#totalBytes);
  }

  /** Makes sure that all bytes are on the disk; returns their digest. Throws when it is not the expected one. */
  async finish(): Promise<string> {
    const expected = this.#options.expectedBytes;
    if (expected !== undefined && this.#heldBytes !== expected)
      throw new Error(`it sent ${this.#heldBytes} bytes, expected ${expected}`);
    await this.#file.sync();
    const sha256 = this.#hash.copy().digest('hex');
    if (this.#expectedSha256 !== undefined && sha256 !== this.#expectedSha256) {
      throw new DigestMismatch(`it sent another file: sha256 ${sha256}, expected ${this.#expectedSha256}`);
    }
    return sha256;
  }

  /** Takes up all held bytes, for a file that was complete before this process began. */
  async resumeWhole(): Promise<void> {
    await this.#keepUpTo(this.#heldBytes);
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #keepUpTo(bytes: number): Promise<void> {
    await this.#file.truncate(bytes);
    this.#heldBytes = bytes;
    if (bytes === this.#hashedBytes) return;
    this.#hash = createHash('sha256');
    this.#hashedBytes = bytes;
    if (bytes === 0) return;
    const held = createReadStream(this.#options.filePath, { highWaterMark: HASH_CHUNK_BYTES, end: bytes - 1 });
    for await (const chunk of held) this.#hash.update(chunk);
  }

  async #noteTag(tag: string | undefined): Promise<void> {
    if (tag !== undefined && tag === this.#heldTag) return;
    this.#heldTag = tag;
    const notePath = notePathOf(this.#options.filePath);
    if (tag === undefined) await rm(notePath, { force: true });
    else await writeFile(notePath, JSON.stringify({ reference: this.#options.reference, tag }), { mode: 0o600 });
  }
}

/** All bytes came and they are not the right ones. */
export class DigestMismatch extends Error {}

/** Deletes a partial file and its note. */
export async function removePartial(filePath: string): Promise<void> {
  await rm(filePath, { force: true });
  await rm(notePathOf(filePath), { force: true });
}

function notePathOf(filePath: string): string {
  return `${filePath}.json`;
}

async function readNote(filePath: string): Promise<z.infer<typeof noteSchema> | undefined> {
  const text = await readFile(notePathOf(filePath), 'utf8').catch(() => '');
  try {
    return noteSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** Throws `insufficient_storage` when so many more bytes do not fit into a folder's file system. */
export async function demandFreeBytes(
  bytes: number,
  folder: string,
  readFreeBytes: (folder: string) => Promise<number> = askFreeBytes,
): Promise<void> {
  const freeBytes = await readFreeBytes(folder);
  if (bytes + SPARE_BYTES > freeBytes) throw noSpace(`${bytes + SPARE_BYTES} bytes are needed, ${freeBytes} are free`);
}

async function askFreeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

function noSpace(detail: string): PlinthError {
  return new PlinthError({ code: 'insufficient_storage', message: `not enough space for the model: ${detail}` });
}
