import type { HeaderCursor } from './header-cursor.ts';
import { refuse } from './refuse.ts';
import { tensorStorage, type TensorStorage } from './tensor-storage.ts';

const MAX_TENSORS = 65_536;
/** GGML_MAX_NAME and GGML_MAX_DIMS of ggml.h, the former with its closing zero. */
const MAX_NAME_BYTES = 63;
const MAX_DIMENSIONS = 4;

export interface TensorEntry {
  readonly name: string;
  /** Fastest first, as ggml counts. */
  readonly dimensions: readonly number[];
  readonly storage: TensorStorage;
  readonly elements: number;
  readonly bytes: number;
  /** From the beginning of the tensor data. */
  readonly offset: number;
}

/** Reads `count` entries; where their data lies is checked by {@link checkPlacement}. */
export function readTensorTable(cursor: HeaderCursor, count: number): ReadonlyMap<string, TensorEntry> {
  if (count > MAX_TENSORS) refuse(`the header announces ${count} tensors, at most ${MAX_TENSORS} are read`);
  const tensors = new Map<string, TensorEntry>();
  for (let index = 0; index < count; index++) {
    const tensor = readEntry(cursor, index);
    if (tensors.has(tensor.name)) refuse(`tensor "${tensor.name}" stands twice`);
    tensors.set(tensor.name, tensor);
  }
  return tensors;
}

/** Every tensor's data lies aligned and whole inside the file, and no two overlap. */
export function checkPlacement(
  tensors: Iterable<TensorEntry>,
  place: { headerBytes: number; alignment: number; fileBytes: number },
): void {
  const dataStart = Math.ceil(place.headerBytes / place.alignment) * place.alignment;
  const dataBytes = place.fileBytes - dataStart;
  let end = 0;
  let previous = '';
  for (const tensor of [...tensors].toSorted((a, b) => a.offset - b.offset)) {
    if (tensor.offset % place.alignment !== 0)
      refuse(`tensor "${tensor.name}" lies at ${tensor.offset}, no multiple of ${place.alignment}`);
    if (tensor.offset < end) refuse(`tensors "${previous}" and "${tensor.name}" overlap`);
    end = tensor.offset + tensor.bytes;
    previous = tensor.name;
    if (end > dataBytes)
      refuse(`tensor "${tensor.name}" ends ${end - dataBytes} bytes after the end of the file: is it cut off?`);
  }
}

function readEntry(cursor: HeaderCursor, index: number): TensorEntry {
  const name = readName(cursor, index);
  const dimensions = readDimensions(cursor, name);
  const code = cursor.readUint32(`type of tensor "${name}"`);
  const storage = tensorStorage.get(code);
  if (storage === undefined) refuse(`tensor "${name}" has the unknown type ${code}`);
  const rowValues = dimensions[0] ?? 0;
  if (rowValues % storage.blockValues !== 0) {
    refuse(
      `tensor "${name}" has rows of ${rowValues}, no multiple of the ${storage.blockValues} values of a ${storage.name} block`,
    );
  }
  const elements = multiply(dimensions, name);
  const bytes = (elements / storage.blockValues) * storage.blockBytes;
  if (bytes > cursor.fileBytes) refuse(`tensor "${name}" needs ${bytes} bytes, the file has ${cursor.fileBytes}`);
  return { name, dimensions, storage, elements, bytes, offset: cursor.readCount(`offset of tensor "${name}"`) };
}

function readName(cursor: HeaderCursor, index: number): string {
  const length = cursor.readCount(`length of the name of tensor ${index}`);
  if (length === 0 || length > MAX_NAME_BYTES)
    refuse(`the name of tensor ${index} has ${length} bytes, expected 1 to ${MAX_NAME_BYTES}`);
  const name = cursor.readBytes(length, `name of tensor ${index}`).toString('latin1');
  if (!/^[\x21-\x7e]+$/.test(name)) refuse(`the name of tensor ${index} holds characters other than printable ASCII`);
  return name;
}

function readDimensions(cursor: HeaderCursor, name: string): number[] {
  const count = cursor.readUint32(`dimensions of tensor "${name}"`);
  if (count === 0 || count > MAX_DIMENSIONS) refuse(`tensor "${name}" has ${count} dimensions, expected 1 to ${MAX_DIMENSIONS}`);
  return Array.from({ length: count }, () => {
    const size = cursor.readCount(`a dimension of tensor "${name}"`);
    if (size === 0) refuse(`tensor "${name}" has a dimension of 0`);
    return size;
  });
}

function multiply(dimensions: readonly number[], name: string): number {
  const product = dimensions.reduce((soFar, size) => soFar * BigInt(size), 1n);
  if (product > BigInt(Number.MAX_SAFE_INTEGER)) refuse(`tensor "${name}" has ${product} values, more than any file can hold`);
  return Number(product);
}
