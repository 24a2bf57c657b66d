import { rawBytesOf, formatOf, type ElementType } from './element-types.ts';
import { OnnxToolsError } from './onnx-tools-error.ts';

const LENGTH_BYTES = 8;
const MAX_HEADER_BYTES = 100_000_000;
const MAX_TENSORS = 1_000_000;
const MAX_DIMENSIONS = 32;

/** One tensor of a safetensors file. */
export interface SafeTensor {
  readonly name: string;
  readonly datatype: ElementType;
  readonly shape: readonly number[];
  /** Row-major, little-endian; a view of the file's bytes. */
  readonly data: Uint8Array;
}

/** A whole safetensors file. */
export interface SafeTensors {
  readonly tensors: ReadonlyMap<string, SafeTensor>;
  /** What the writer noted under `__metadata__`. */
  readonly metadata: Readonly<Record<string, string>>;
}

const datatypes: ReadonlyMap<unknown, ElementType> = new Map<unknown, ElementType>([
  ['BOOL', 'BOOL'],
  ['U8', 'UINT8'],
  ['I8', 'INT8'],
  ['U16', 'UINT16'],
  ['I16', 'INT16'],
  ['U32', 'UINT32'],
  ['I32', 'INT32'],
  ['U64', 'UINT64'],
  ['I64', 'INT64'],
  ['F16', 'FP16'],
  ['BF16', 'BF16'],
  ['F32', 'FP32'],
  ['F64', 'FP64'],
  ['C64', 'COMPLEX64'],
  ['F8_E4M3', 'FP8E4M3FN'],
  ['F8_E5M2', 'FP8E5M2'],
  ['F8_E8M0', 'FP8E8M0'],
]);

interface Entry {
  readonly name: string;
  readonly datatype: ElementType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/**
 * Reads a safetensors file: 8 bytes length, a JSON header, tensor data without gaps or overlaps. The tensors are views of `bytes`.
 * Every count, product and offset is checked. Throws OnnxToolsError. Layout: docs/source/index.mdx of huggingface/safetensors.
 */
export function readSafetensors(bytes: Uint8Array): SafeTensors {
  const headerBytes = headerLengthOf(bytes);
  const dataStart = LENGTH_BYTES + headerBytes;
  const header = parseHeader(bytes.subarray(LENGTH_BYTES, dataStart));
  const entries = Object.entries(header);
  if (entries.length > MAX_TENSORS) refuse(`it names ${entries.length} tensors, at most ${MAX_TENSORS} are read`);
  const table = entries.filter(([name]) => name !== '__metadata__').map(([name, value]) => readEntry(name, value));
  checkPlacement(table, bytes.length - dataStart);
  const tensors = table.map(({ name, datatype, shape, begin, end }): [string, SafeTensor] => [
    name,
    { name, datatype, shape, data: bytes.subarray(dataStart + begin, dataStart + end) },
  ]);
  return { tensors: new Map(tensors), metadata: readMetadata(header['__metadata__']) };
}

function headerLengthOf(bytes: Uint8Array): number {
  if (bytes.length < LENGTH_BYTES) refuse(`it has ${bytes.length} bytes, expected at least ${LENGTH_BYTES}`);
  const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER_BYTES)) refuse(`its header has ${length} bytes, at most ${MAX_HEADER_BYTES} are read`);
  if (length > BigInt(bytes.length - LENGTH_BYTES)) refuse(`its header has ${length} bytes, the file has ${bytes.length}`);
  return Number(length);
}

function parseHeader(bytes: Uint8Array): Record<string, unknown> {
  if (bytes[0] !== 0x7b) refuse('its header does not begin with "{"');
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new OnnxToolsError('invalid safetensors file: its header is no JSON', { cause: error });
  }
  if (!isRecord(header)) refuse('its header is no object');
  return header;
}

function readEntry(name: string, value: unknown): Entry {
  const label = `tensor ${JSON.stringify(name.slice(0, 200))}`;
  if (!isRecord(value)) refuse(`${label} is no object`);
  const datatype = datatypes.get(value['dtype']);
  if (datatype === undefined) refuse(`${label} has the unknown type ${JSON.stringify(value['dtype'])?.slice(0, 40)}`);
  const { shape, data_offsets: offsets } = value;
  if (!isCounts(shape) || shape.length > MAX_DIMENSIONS)
    refuse(`${label} has a shape that is no list of up to ${MAX_DIMENSIONS} counts`);
  if (!isCounts(offsets) || offsets.length !== 2) refuse(`${label} has data_offsets that are no two counts`);
  const elements = shape.reduce((product, size) => product * BigInt(size), 1n);
  if (elements > BigInt(Number.MAX_SAFE_INTEGER)) refuse(`${label} has ${elements} elements, more than any file can hold`);
  const [begin = 0, end = 0] = offsets;
  const bytes = rawBytesOf(formatOf(datatype), Number(elements));
  if (end - begin !== bytes) refuse(`${label} spans ${end - begin} bytes, its shape needs ${bytes}`);
  return { name, datatype, shape, begin, end };
}

function checkPlacement(table: readonly Entry[], dataBytes: number): void {
  let position = 0;
  for (const { name, begin, end } of table.toSorted((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== position) refuse(`tensor ${JSON.stringify(name.slice(0, 200))} begins at ${begin}, expected ${position}`);
    position = end;
  }
  if (position !== dataBytes) refuse(`its tensors end at byte ${position} of the data, which has ${dataBytes}`);
}

function readMetadata(value: unknown): Record<string, string> {
  if (value === undefined) return {};
  if (!isRecord(value)) refuse('"__metadata__" is no object');
  const texts = Object.entries(value).map(([key, text]): [string, string] => {
    if (typeof text !== 'string') refuse('"__metadata__" holds something other than texts');
    return [key, text];
  });
  return Object.fromEntries(texts);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((count) => Number.isSafeInteger(count) && count >= 0);
}

function refuse(reason: string): never {
  throw new OnnxToolsError(`invalid safetensors file: ${reason}`);
}
