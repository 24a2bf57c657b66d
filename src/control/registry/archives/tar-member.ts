import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { MAX_LISTED_FILES, type ListedMember } from './listed-member.ts';
import type { ArchiveMember } from './zip-member.ts';

const BLOCK_BYTES = 512;
const MAX_EXTENSION_BYTES = 1024 * 1024;
/** Unpacked bytes that are passed over before the search is given up: a bound for archives made to unpack for ever. */
const MAX_UNPACKED_BYTES = 256 * 1024 * 1024 * 1024;

interface Header {
  readonly path: string;
  readonly bytes: number;
  readonly kind: string;
}

/**
 * The file of a gzipped tar archive whose path, after its first folder, is exactly `member` (POSIX ustar and pax). Nothing is written
 * anywhere. Throws an error in words when it is missing or damaged.
 */
export async function openTarMember(archivePath: string, member: string): Promise<ArchiveMember> {
  const { blocks, close } = openTar(archivePath);
  try {
    const found = await seekFile(blocks, (path) => path === member);
    if (found === undefined) throw new Error(`the archive has no file named ${member}`);
    return { bytes: found.bytes, content: readContent(blocks, { bytes: found.bytes, close }) };
  } catch (error) {
    close();
    throw error;
  }
}

/** The files of a gzipped tar archive, by their paths after the first folder, as {@link openTarMember} takes them. */
export async function listTar(archivePath: string): Promise<readonly ListedMember[]> {
  const { blocks, close } = openTar(archivePath);
  const members: ListedMember[] = [];
  try {
    await seekFile(blocks, (path, bytes) => {
      members.push({ path, bytes });
      if (members.length > MAX_LISTED_FILES) throw new Error(`the archive has more than ${MAX_LISTED_FILES} files`);
      return false;
    });
    return members;
  } finally {
    close();
  }
}

function openTar(archivePath: string): { blocks: BlockReader; close(): void } {
  const file = createReadStream(archivePath);
  const unpacked = createGunzip({ chunkSize: 256 * 1024 });
  file.once('error', (error) => unpacked.destroy(error));
  const close = () => {
    file.destroy();
    unpacked.destroy();
  };
  return { blocks: new BlockReader(file.pipe(unpacked)), close };
}

/** The next file that `isWanted`, its content being what the reader gives next; nothing at the archive's end. */
async function seekFile(
  blocks: BlockReader,
  isWanted: (path: string, bytes: number) => boolean,
): Promise<ListedMember | undefined> {
  let pax = new Map<string, string>();
  for (;;) {
    const block = await blocks.read(BLOCK_BYTES);
    if (block.every((byte) => byte === 0)) return undefined;
    const header = readHeader(block, pax);
    const padding = (BLOCK_BYTES - (header.bytes % BLOCK_BYTES)) % BLOCK_BYTES;
    if (header.kind === 'x') {
      if (header.bytes > MAX_EXTENSION_BYTES) throw new Error('the archive has an oversized extended header');
      pax = readPax(await blocks.read(header.bytes));
      await blocks.skip(padding);
      continue;
    }
    const isFile = header.kind === '0' || header.kind === '\0';
    const path = header.path.slice(header.path.indexOf('/') + 1);
    if (isFile && isWanted(path, header.bytes)) return { path, bytes: header.bytes };
    await blocks.skip(header.bytes + padding);
    pax = new Map();
  }
}

async function* readContent(blocks: BlockReader, rest: { bytes: number; close(): void }): AsyncGenerator<Buffer> {
  try {
    for (let left = rest.bytes; left > 0;) {
      const chunk = await blocks.readSome(left);
      left -= chunk.length;
      yield chunk;
    }
  } finally {
    rest.close();
  }
}

function readHeader(block: Buffer, pax: ReadonlyMap<string, string>): Header {
  const sum = block.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 32 : byte), 0);
  if (sum !== parseInt(textAt(block, 148, 8), 8)) throw new Error('the archive is damaged (checksum of a header)');
  const prefix = textAt(block, 345, 155);
  const name = textAt(block, 0, 100);
  const isWide = ((block[124] ?? 0) & 0x80) !== 0;
  const size = isWide ? Number(block.readBigUInt64BE(128)) : parseInt(textAt(block, 124, 12), 8);
  const bytes = pax.has('size') ? Number(pax.get('size')) : size;
  if (!Number.isSafeInteger(bytes) || bytes < 0) throw new Error('the archive is damaged (size of a file)');
  return {
    path: pax.get('path') ?? (prefix === '' ? name : `${prefix}/${name}`),
    bytes,
    kind: String.fromCharCode(block[156] ?? 0),
  };
}

function textAt(block: Buffer, offset: number, length: number): string {
  const field = block.subarray(offset, offset + length);
  const end = field.indexOf(0);
  return field.toString('utf8', 0, end === -1 ? length : end).trim();
}

/** Records are `<length> <key>=<value>\n`, the length counting the whole record. */
function readPax(bytes: Buffer): Map<string, string> {
  const values = new Map<string, string>();
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(0x20, at);
    const length = space === -1 ? NaN : Number(bytes.toString('latin1', at, space));
    if (!Number.isInteger(length) || length <= space - at || at + length > bytes.length)
      throw new Error('the archive has a damaged extended header');
    const record = bytes.toString('utf8', space + 1, at + length - 1);
    const split = record.indexOf('=');
    values.set(record.slice(0, split), record.slice(split + 1));
    at += length;
  }
  return values;
}

/** Hands out an unpacked stream in the sizes that are asked for. */
class BlockReader {
  readonly #chunks: AsyncIterator<Buffer>;
  #held: Buffer = Buffer.alloc(0);
  #unpackedBytes = 0;

  constructor(stream: AsyncIterable<Buffer>) {
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  /** At least one byte and at most `most`. */
  async readSome(most: number): Promise<Buffer> {
    while (this.#held.length === 0) this.#held = await this.#next();
    const piece = this.#held.subarray(0, most);
    this.#held = this.#held.subarray(piece.length);
    return piece;
  }

  async read(bytes: number): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for (let left = bytes; left > 0;) {
      const piece = await this.readSome(left);
      pieces.push(piece);
      left -= piece.length;
    }
    return Buffer.concat(pieces);
  }

  async skip(bytes: number): Promise<void> {
    for (let left = bytes; left > 0;) left -= (await this.readSome(left)).length;
  }

  async #next(): Promise<Buffer> {
    const { value, done } = await this.#chunks.next();
    if (done) throw new Error('the archive is cut off');
    this.#unpackedBytes += value.length;
    if (this.#unpackedBytes > MAX_UNPACKED_BYTES) throw new Error('the archive unpacks to more than any model');
    return value;
  }
}
