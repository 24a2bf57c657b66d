import { open, type FileHandle } from 'node:fs/promises';
import { crc32, createInflateRaw } from 'node:zlib';
import type { ListedMember } from './listed-member.ts';
import { findZipEntry, listZipEntries, type ZipEntry } from './zip-directory.ts';

const LOCAL_MARK = 0x0403_4b50;
const LOCAL_BYTES = 30;
const STORED = 0;
const DEFLATED = 8;

/** One file of an archive. `content` may be read once; reading fails when the file is not whole. */
export interface ArchiveMember {
  readonly bytes: number;
  readonly content: AsyncIterable<Buffer>;
}

/**
 * The file of a zip archive with exactly the path `member`, stored or deflated, ZIP64 included (PKWARE APPNOTE 6.3.10). Nothing is
 * written anywhere. Throws an error in words when it is missing, stands twice, is encrypted, or does not lie inside the archive.
 */
export async function openZipMember(archivePath: string, member: string): Promise<ArchiveMember> {
  const file = await open(archivePath, 'r');
  try {
    const entry = await findZipEntry(file, member);
    if (entry.method !== STORED && entry.method !== DEFLATED)
      throw new Error(`${member} is compressed by the unknown method ${entry.method}`);
    const start = await findData(file, entry, member);
    return { bytes: entry.bytes, content: readMember(file, { entry, start, member }) };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** The files of a zip archive, by their paths, as {@link openZipMember} takes them. */
export async function listZip(archivePath: string): Promise<readonly ListedMember[]> {
  const file = await open(archivePath, 'r');
  try {
    return await listZipEntries(file);
  } finally {
    await file.close();
  }
}

async function findData(file: FileHandle, entry: ZipEntry, member: string): Promise<number> {
  const header = Buffer.alloc(LOCAL_BYTES);
  const { bytesRead } = await file.read(header, 0, LOCAL_BYTES, entry.localOffset);
  if (bytesRead < LOCAL_BYTES || header.readUInt32LE(0) !== LOCAL_MARK)
    throw new Error(`${member} is not where the archive says`);
  const start = entry.localOffset + LOCAL_BYTES + header.readUInt16LE(26) + header.readUInt16LE(28);
  const { size } = await file.stat();
  if (start + entry.storedBytes > size) throw new Error(`${member} ends after the end of the archive`);
  return start;
}

async function* readMember(file: FileHandle, place: { entry: ZipEntry; start: number; member: string }): AsyncGenerator<Buffer> {
  const { entry, start, member } = place;
  try {
    let bytes = 0;
    let crc = 0;
    for await (const chunk of inflate(file, entry, start)) {
      bytes += chunk.length;
      if (bytes > entry.bytes) throw new Error(`${member} unpacks to more than the ${entry.bytes} bytes that the archive says`);
      crc = crc32(chunk, crc);
      yield chunk;
    }
    if (bytes !== entry.bytes) throw new Error(`${member} unpacks to ${bytes} bytes, the archive says ${entry.bytes}`);
    if (crc !== entry.crc) throw new Error(`${member} is damaged inside the archive (CRC)`);
  } finally {
    await file.close();
  }
}

function inflate(file: FileHandle, entry: ZipEntry, start: number): AsyncIterable<Buffer> {
  if (entry.storedBytes === 0) return noBytes();
  const raw = file.createReadStream({ start, end: start + entry.storedBytes - 1, autoClose: false, highWaterMark: 512 * 1024 });
  if (entry.method === STORED) return raw;
  const inflated = createInflateRaw({ chunkSize: 512 * 1024 });
  raw.once('error', (error) => inflated.destroy(error));
  return raw.pipe(inflated);
}

async function* noBytes(): AsyncGenerator<Buffer> {}
