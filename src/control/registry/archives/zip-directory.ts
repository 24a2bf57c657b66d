import type { FileHandle } from 'node:fs/promises';
import { MAX_LISTED_FILES, type ListedMember } from './listed-member.ts';

const MAX_DIRECTORY_BYTES = 64 * 1024 * 1024;
const END_MARK = 0x0605_4b50;
const END_BYTES = 22;
const MAX_COMMENT_BYTES = 65_535;
const END_64_MARK = 0x0606_4b50;
const END_64_BYTES = 56;
const LOCATOR_64_MARK = 0x0706_4b50;
const LOCATOR_64_BYTES = 20;
const ENTRY_MARK = 0x0201_4b50;
const ENTRY_BYTES = 46;
const EXTRA_64_ID = 1;
const MAX_32 = 0xffff_ffff;
const MAX_16 = 0xffff;
const ENCRYPTED_FLAG = 1;

/** What the central directory says of a file. */
export interface ZipEntry {
  readonly method: number;
  readonly crc: number;
  readonly storedBytes: number;
  readonly bytes: number;
  readonly localOffset: number;
}

interface DirectoryPlace {
  readonly offset: number;
  readonly bytes: number;
  readonly entries: number;
}

/** Finds the one entry whose path is `member`. */
export async function findZipEntry(file: FileHandle, member: string): Promise<ZipEntry> {
  const wanted = Buffer.from(member, 'utf8');
  let found: ZipEntry | undefined;
  for await (const { name, header, extra } of readDirectory(file)) {
    if (!name.equals(wanted)) continue;
    if (found !== undefined) throw new Error(`the archive has two files named ${member}`);
    if ((header.readUInt16LE(8) & ENCRYPTED_FLAG) !== 0) throw new Error(`${member} is encrypted`);
    found = readEntry(header, extra);
  }
  if (found === undefined) throw new Error(`the archive has no file named ${member}`);
  return found;
}

/** Every file of the directory, as it is written there; folders are left out. */
export async function listZipEntries(file: FileHandle): Promise<readonly ListedMember[]> {
  const members: ListedMember[] = [];
  for await (const { name, header, extra } of readDirectory(file)) {
    const path = name.toString('utf8');
    if (path.endsWith('/')) continue;
    members.push({ path, bytes: readEntry(header, extra).bytes });
    if (members.length > MAX_LISTED_FILES) throw new Error(`the archive has more than ${MAX_LISTED_FILES} files`);
  }
  return members;
}

interface DirectoryRecord {
  readonly name: Buffer;
  readonly header: Buffer;
  readonly extra: Buffer;
}

async function* readDirectory(file: FileHandle): AsyncGenerator<DirectoryRecord> {
  const place = await findDirectory(file);
  if (place.bytes > MAX_DIRECTORY_BYTES)
    throw new Error(`the archive's directory has ${place.bytes} bytes, at most ${MAX_DIRECTORY_BYTES} are read`);
  const directory = await readExactly(file, place.offset, place.bytes);
  let at = 0;
  for (let index = 0; index < place.entries; index++) {
    if (at + ENTRY_BYTES > directory.length || directory.readUInt32LE(at) !== ENTRY_MARK)
      throw new Error('the archive has a damaged directory');
    const nameEnd = at + ENTRY_BYTES + directory.readUInt16LE(at + 28);
    const extraEnd = nameEnd + directory.readUInt16LE(at + 30);
    yield {
      name: directory.subarray(at + ENTRY_BYTES, nameEnd),
      header: directory.subarray(at, extraEnd),
      extra: directory.subarray(nameEnd, extraEnd),
    };
    at = extraEnd + directory.readUInt16LE(at + 32);
  }
}

async function findDirectory(file: FileHandle): Promise<DirectoryPlace> {
  const { size } = await file.stat();
  const tailBytes = Math.min(size, END_BYTES + MAX_COMMENT_BYTES);
  const tail = await readExactly(file, size - tailBytes, tailBytes);
  for (let at = tailBytes - END_BYTES; at >= 0; at--) {
    const isEnd = tail.readUInt32LE(at) === END_MARK && at + END_BYTES + tail.readUInt16LE(at + 20) === tailBytes;
    if (!isEnd) continue;
    const place = { offset: tail.readUInt32LE(at + 16), bytes: tail.readUInt32LE(at + 12), entries: tail.readUInt16LE(at + 10) };
    const needs64 = place.offset === MAX_32 || place.bytes === MAX_32 || place.entries === MAX_16;
    return needs64 ? findDirectory64(file, size - tailBytes + at) : place;
  }
  throw new Error('it is no zip archive, or cut off');
}

async function findDirectory64(file: FileHandle, endOffset: number): Promise<DirectoryPlace> {
  const locator = await readExactly(file, endOffset - LOCATOR_64_BYTES, LOCATOR_64_BYTES);
  if (locator.readUInt32LE(0) !== LOCATOR_64_MARK) throw new Error('the archive has no ZIP64 locator');
  const end = await readExactly(file, Number(locator.readBigUInt64LE(8)), END_64_BYTES);
  if (end.readUInt32LE(0) !== END_64_MARK) throw new Error('the archive has a damaged ZIP64 end');
  return {
    offset: Number(end.readBigUInt64LE(48)),
    bytes: Number(end.readBigUInt64LE(40)),
    entries: Number(end.readBigUInt64LE(32)),
  };
}

/** Sizes that do not fit 32 bits stand in the ZIP64 extra field, in this order, only those that do not fit. */
function readEntry(entry: Buffer, extra: Buffer): ZipEntry {
  const wide = extra64(extra);
  let at = 0;
  const widen = (value: number): number => {
    if (value !== MAX_32) return value;
    if (at + 8 > wide.length) throw new Error('the archive has a damaged ZIP64 field');
    at += 8;
    return Number(wide.readBigUInt64LE(at - 8));
  };
  const bytes = widen(entry.readUInt32LE(24));
  const storedBytes = widen(entry.readUInt32LE(20));
  const localOffset = widen(entry.readUInt32LE(42));
  return { method: entry.readUInt16LE(10), crc: entry.readUInt32LE(16), storedBytes, bytes, localOffset };
}

function extra64(extra: Buffer): Buffer {
  for (let at = 0; at + 4 <= extra.length;) {
    const end = at + 4 + extra.readUInt16LE(at + 2);
    if (extra.readUInt16LE(at) === EXTRA_64_ID) return extra.subarray(at + 4, end);
    at = end;
  }
  return Buffer.alloc(0);
}

async function readExactly(file: FileHandle, offset: number, bytes: number): Promise<Buffer> {
  const { size } = await file.stat();
  if (!Number.isSafeInteger(offset) || offset < 0 || offset + bytes > size) throw new Error('the archive is cut off or damaged');
  const target = Buffer.alloc(bytes);
  const { bytesRead } = await file.read(target, 0, bytes, offset);
  if (bytesRead !== bytes) throw new Error('the archive is cut off');
  return target;
}
