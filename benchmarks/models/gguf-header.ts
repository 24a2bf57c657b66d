import { closeSync, openSync, readSync } from 'node:fs';

const MAGIC = 'GGUF';
const HEADER_BYTES = 16 * 1024 * 1024;
const STRING_TYPE = 8;
const ARRAY_TYPE = 9;
/** Sizes of the fixed-length value types 0–12: u8 i8 u16 i16 u32 i32 f32 bool string array u64 i64 f64. */
const VALUE_BYTES = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8];

/** One key of a GGUF header (version 3): its value as it stands in the file, type word included. */
export interface HeaderEntry {
  readonly key: string;
  readonly raw: Buffer;
}

class HeaderCursor {
  readonly bytes: Buffer;
  offset = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  readU32(): number {
    this.offset += 4;
    return this.bytes.readUInt32LE(this.offset - 4);
  }

  readU64(): number {
    this.offset += 8;
    return Number(this.bytes.readBigUInt64LE(this.offset - 8));
  }

  readString(): Buffer {
    const length = this.readU64();
    this.offset += length;
    return this.bytes.subarray(this.offset - length, this.offset);
  }

  skipValue(type: number): void {
    if (type === STRING_TYPE) this.readString();
    else if (type === ARRAY_TYPE) {
      const elementType = this.readU32();
      const length = this.readU64();
      for (let index = 0; index < length; index += 1) this.skipValue(elementType);
    } else this.offset += VALUE_BYTES[type] ?? 0;
  }
}

/** Reads the keys of a GGUF file that is known to be good; this is a tool for benchmarks, not a guard against hostile files. */
export function readHeaderEntries(file: string): HeaderEntry[] {
  const bytes = Buffer.alloc(HEADER_BYTES);
  const descriptor = openSync(file, 'r');
  readSync(descriptor, bytes, 0, HEADER_BYTES, 0);
  closeSync(descriptor);
  if (bytes.toString('latin1', 0, 4) !== MAGIC) throw new Error(`${file} is not a GGUF file`);
  const cursor = new HeaderCursor(bytes);
  cursor.offset = 16;
  const keyCount = cursor.readU64();
  return Array.from({ length: keyCount }, () => {
    const key = cursor.readString().toString('utf8');
    const start = cursor.offset;
    cursor.skipValue(cursor.readU32());
    return { key, raw: bytes.subarray(start, cursor.offset) };
  });
}

/** The strings of an entry whose value is an array of them. */
export function readStrings(entry: HeaderEntry): string[] {
  const cursor = new HeaderCursor(entry.raw);
  cursor.offset = 8;
  const length = cursor.readU64();
  return Array.from({ length }, () => cursor.readString().toString('utf8'));
}

/** The numbers of an entry whose value is an array of i32. */
export function readIntegers(entry: HeaderEntry): number[] {
  const cursor = new HeaderCursor(entry.raw);
  cursor.offset = 8;
  const length = cursor.readU64();
  return Array.from({ length }, () => cursor.readU32());
}

function encodeString(text: string): Buffer {
  const length = Buffer.alloc(8);
  const bytes = Buffer.from(text);
  length.writeBigUInt64LE(BigInt(bytes.length));
  return Buffer.concat([length, bytes]);
}

export function makeEntry(key: string, value: string | { readonly u32: number } | { readonly f32: number }): HeaderEntry {
  if (typeof value === 'string') return { key, raw: Buffer.concat([Buffer.from([STRING_TYPE, 0, 0, 0]), encodeString(value)]) };
  const raw = Buffer.alloc(8);
  if ('u32' in value) {
    raw.writeUInt32LE(4, 0);
    raw.writeUInt32LE(value.u32, 4);
  } else {
    raw.writeUInt32LE(6, 0);
    raw.writeFloatLE(value.f32, 4);
  }
  return { key, raw };
}

export interface TensorPlace {
  readonly name: string;
  /** Innermost first. */
  readonly shape: readonly number[];
  readonly typeCode: number;
  readonly bytes: number;
}

export const ALIGNMENT = 32;

export function alignUp(offset: number): number {
  return Math.ceil(offset / ALIGNMENT) * ALIGNMENT;
}

/** The whole header, padded so that the first tensor follows it directly; tensors lie in order, each aligned. */
export function encodeHeader(entries: readonly HeaderEntry[], tensors: readonly TensorPlace[]): Buffer {
  const counts = Buffer.alloc(24);
  counts.write(MAGIC, 0, 'latin1');
  counts.writeUInt32LE(3, 4);
  counts.writeBigUInt64LE(BigInt(tensors.length), 8);
  counts.writeBigUInt64LE(BigInt(entries.length), 16);
  const parts: Buffer[] = [counts, ...entries.flatMap((entry) => [encodeString(entry.key), entry.raw])];
  let offset = 0;
  for (const tensor of tensors) {
    const facts = Buffer.alloc(4 + 8 * tensor.shape.length + 4 + 8);
    facts.writeUInt32LE(tensor.shape.length, 0);
    tensor.shape.forEach((size, index) => facts.writeBigUInt64LE(BigInt(size), 4 + 8 * index));
    facts.writeUInt32LE(tensor.typeCode, facts.length - 12);
    facts.writeBigUInt64LE(BigInt(offset), facts.length - 8);
    parts.push(encodeString(tensor.name), facts);
    offset = alignUp(offset + tensor.bytes);
  }
  const header = Buffer.concat(parts);
  return Buffer.concat([header, Buffer.alloc(alignUp(header.length) - header.length)]);
}
