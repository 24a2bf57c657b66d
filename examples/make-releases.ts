// Writes versions of a language model to try releases with, from a GGUF file whose weights are Q4_1, such as smollm2's:
//   node examples/make-releases.ts model.gguf ./releases
// good.gguf is the same model quantised again, to Q4_0; damaged.gguf loads and runs like the original and talks nonsense.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** One tensor of a GGUF file, with the places of its type and its offset in the header. */
interface Tensor {
  readonly name: string;
  readonly type: number;
  readonly elements: number;
  readonly offset: number;
  readonly typeAt: number;
}

interface Gguf {
  readonly tensors: readonly Tensor[];
  /** Where `general.file_type` keeps its number; absent when it has none. */
  readonly fileTypeAt: number | undefined;
  readonly dataAt: number;
}

const Q4_0 = 2;
const Q4_1 = 3;
const BLOCK = 32;
const Q4_1_BYTES = 20;
const Q4_0_BYTES = 18;
const ALIGNMENT = 32;
const FILE_TYPE_MOSTLY_Q4_0 = 2;

/** The same weights in Q4_0: 18 bytes for 32 weights instead of 20, and a little less exact. */
export function requantize(file: Buffer): Buffer {
  const gguf = readHeader(file);
  const header = Buffer.from(file.subarray(0, gguf.dataAt));
  if (gguf.fileTypeAt !== undefined) header.writeUInt32LE(FILE_TYPE_MOSTLY_Q4_0, gguf.fileTypeAt);
  const parts: Buffer[] = [header];
  let offset = 0;
  for (const [index, tensor] of gguf.tensors.entries()) {
    const data = dataOf(file, gguf, index);
    const written = tensor.type === Q4_1 ? toQ4_0(data.subarray(0, (tensor.elements / BLOCK) * Q4_1_BYTES)) : data;
    const padding = Buffer.alloc((ALIGNMENT - (written.length % ALIGNMENT)) % ALIGNMENT);
    if (tensor.type === Q4_1) header.writeUInt32LE(Q4_0, tensor.typeAt);
    header.writeBigUInt64LE(BigInt(offset), tensor.typeAt + 4);
    parts.push(written, padding);
    offset += written.length + padding.length;
  }
  return Buffer.concat(parts);
}

/** Every other layer's feed-forward weights with their signs turned round in a part of the blocks. Size and speed stay. */
export function damage(file: Buffer): Buffer {
  const gguf = readHeader(file);
  const copy = Buffer.from(file);
  for (const [index, { name, type, elements }] of gguf.tensors.entries()) {
    if (type !== Q4_1 || !/^blk\.\d*[02468]\.ffn_down/.test(name)) continue;
    const data = dataOf(copy, gguf, index);
    for (let block = 0; block < elements / BLOCK; block += 2) {
      const at = block * Q4_1_BYTES;
      for (let i = at + 4; i < at + Q4_1_BYTES; i++) data[i] = 255 - (data[i] ?? 0);
    }
  }
  return copy;
}

function dataOf(file: Buffer, { tensors, dataAt }: Gguf, index: number): Buffer {
  const begin = dataAt + (tensors[index]?.offset ?? 0);
  const next = tensors[index + 1];
  return file.subarray(begin, next === undefined ? file.length : dataAt + next.offset);
}

function toQ4_0(data: Buffer): Buffer {
  const blocks = data.length / Q4_1_BYTES;
  const out = Buffer.alloc(blocks * Q4_0_BYTES);
  const values = new Float64Array(BLOCK);
  for (let block = 0; block < blocks; block++) {
    readQ4_1(data.subarray(block * Q4_1_BYTES, (block + 1) * Q4_1_BYTES), values);
    writeQ4_0(values, out.subarray(block * Q4_0_BYTES, (block + 1) * Q4_0_BYTES));
  }
  return out;
}

/** A scale and a least value in half precision, then 32 numbers of 4 bits: the low halves are the first 16. */
function readQ4_1(block: Buffer, values: Float64Array): void {
  const scale = readHalf(block.readUInt16LE(0));
  const least = readHalf(block.readUInt16LE(2));
  for (let i = 0; i < BLOCK / 2; i++) {
    const byte = block[4 + i] ?? 0;
    values[i] = scale * (byte & 15) + least;
    values[i + BLOCK / 2] = scale * (byte >> 4) + least;
  }
}

/** The weight that is largest without its sign becomes −8. */
function writeQ4_0(values: Float64Array, block: Buffer): void {
  const largest = values.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0);
  const scale = readHalf(toHalf(largest / -8));
  block.writeUInt16LE(toHalf(largest / -8), 0);
  const quantize = (value: number): number => (scale === 0 ? 8 : Math.max(0, Math.min(15, Math.round(value / scale + 8))));
  for (let i = 0; i < BLOCK / 2; i++) block[2 + i] = quantize(values[i] ?? 0) | (quantize(values[i + BLOCK / 2] ?? 0) << 4);
}

function readHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return exponent === 31 ? Number.NaN : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function toHalf(value: number): number {
  const sign = value < 0 ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size < 2 ** -14) return sign | Math.round(size * 2 ** 24);
  const exponent = Math.min(15, Math.floor(Math.log2(size)));
  const fraction = Math.round((size / 2 ** exponent - 1) * 1024);
  // A fraction that was rounded up to 1024 carries into the exponent by itself.
  return sign | (((exponent + 15) << 10) + fraction);
}

function readHeader(file: Buffer): Gguf {
  if (file.toString('latin1', 0, 4) !== 'GGUF') throw new Error('This is no GGUF file.');
  const cursor = new Cursor(file, 8);
  const tensorCount = cursor.uint64();
  const valueCount = cursor.uint64();
  let fileTypeAt: number | undefined;
  for (let i = 0; i < valueCount; i++) {
    const key = cursor.text();
    const type = cursor.uint32();
    if (key === 'general.file_type') fileTypeAt = cursor.at;
    cursor.skipValue(type);
  }
  const tensors = Array.from({ length: tensorCount }, () => cursor.tensor());
  return { tensors, fileTypeAt, dataAt: Math.ceil(cursor.at / ALIGNMENT) * ALIGNMENT };
}

const VALUE_BYTES: Readonly<Record<number, number>> = { 0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8 };
const TEXT = 8;
const LIST = 9;

class Cursor {
  readonly #file: Buffer;
  at: number;

  constructor(file: Buffer, at: number) {
    this.#file = file;
    this.at = at;
  }

  uint32(): number {
    this.at += 4;
    return this.#file.readUInt32LE(this.at - 4);
  }

  uint64(): number {
    this.at += 8;
    return Number(this.#file.readBigUInt64LE(this.at - 8));
  }

  text(): string {
    const length = this.uint64();
    this.at += length;
    return this.#file.toString('utf8', this.at - length, this.at);
  }

  skipValue(type: number): void {
    if (type === TEXT) this.text();
    else if (type === LIST) {
      const itemType = this.uint32();
      const count = this.uint64();
      for (let i = 0; i < count; i++) this.skipValue(itemType);
    } else this.at += VALUE_BYTES[type] ?? unknownType(type);
  }

  tensor(): Tensor {
    const name = this.text();
    const dimensions = Array.from({ length: this.uint32() }, () => this.uint64());
    const typeAt = this.at;
    const type = this.uint32();
    return { name, type, typeAt, offset: this.uint64(), elements: dimensions.reduce((product, size) => product * size, 1) };
  }
}

function unknownType(type: number): never {
  throw new Error(`The file has a value of the unknown type ${type}.`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [source, folder = './releases'] = process.argv.slice(2);
  if (source === undefined) throw new Error('Say which GGUF file: node examples/make-releases.ts model.gguf ./releases');
  const file = readFileSync(source);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'good.gguf'), requantize(file));
  writeFileSync(join(folder, 'damaged.gguf'), damage(file));
  process.stdout.write(`Wrote good.gguf and damaged.gguf to ${folder}.\n`);
}
