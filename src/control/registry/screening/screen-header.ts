import type { GgufSummary } from './gguf-summary.ts';
import { HeaderCursor, type ByteSource } from './header-cursor.ts';
import { readHeaderValues, type HeaderValue } from './header-values.ts';
import { checkModel, numberOf, textOf } from './model-rules.ts';
import { refuse } from './refuse.ts';
import { fileMixes } from './tensor-storage.ts';
import { checkPlacement, readTensorTable, type TensorEntry } from './tensor-table.ts';

const MAGIC = 0x4655_4747;
const DEFAULT_ALIGNMENT = 32;
const MAX_ALIGNMENT = 65_536;

/**
 * Checks the whole header of a GGUF file against the file's size, never reading tensor data; pure but for `source`. Throws
 * `invalid_model_file`. Layout: docs/gguf.md of ggml-org/ggml; bounds that llama.cpp has are named where they stand.
 */
export function screenHeader(source: ByteSource): GgufSummary {
  const cursor = new HeaderCursor(source);
  const ggufVersion = readVersion(cursor);
  const tensorCount = cursor.readCount('the number of tensors');
  const values = readHeaderValues(cursor, cursor.readCount('the number of values'));
  const tensors = readTensorTable(cursor, tensorCount);
  const place = { headerBytes: cursor.position, alignment: alignmentOf(values), fileBytes: source.totalBytes };
  checkPlacement(tensors.values(), place);
  const shape = checkModel(values, tensors);
  const title = textOf(values, 'general.name');
  const licence = textOf(values, 'general.license');
  const chatTemplate = textOf(values, 'tokenizer.chat_template');
  return {
    ggufVersion,
    ...shape,
    parameterCount: [...tensors.values()].reduce((sum, tensor) => sum + tensor.elements, 0),
    quantization: quantizationOf(values, tensors),
    tensorCount,
    ...(title === undefined ? {} : { title }),
    ...(licence === undefined ? {} : { licence }),
    ...(chatTemplate === undefined ? {} : { chatTemplate }),
  };
}

function readVersion(cursor: HeaderCursor): number {
  const magic = cursor.readUint32('the file mark');
  if (magic !== MAGIC) refuse('it does not begin with "GGUF"');
  const version = cursor.readUint32('the format version');
  if (version !== 0 && (version & 0xffff) === 0) refuse('it is written for big-endian machines');
  if (version !== 2 && version !== 3) refuse(`it has GGUF version ${version}, expected 2 or 3`);
  return version;
}

function alignmentOf(values: ReadonlyMap<string, HeaderValue>): number {
  const value = values.get('general.alignment');
  if (value === undefined) return DEFAULT_ALIGNMENT;
  const alignment = value.kind === 'number' && value.element === 'uint32' ? value.value : 0;
  const isPowerOfTwo = alignment > 0 && (alignment & (alignment - 1)) === 0;
  if (!isPowerOfTwo || alignment > MAX_ALIGNMENT) refuse(`"general.alignment" is no power of two up to ${MAX_ALIGNMENT}`);
  return alignment;
}

/** What the file says of itself, or the type that holds most bytes. */
function quantizationOf(values: ReadonlyMap<string, HeaderValue>, tensors: ReadonlyMap<string, TensorEntry>): string {
  const said = fileMixes.get(numberOf(values, 'general.file_type') ?? -1);
  if (said !== undefined) return said;
  const bytesByType = new Map<string, number>();
  for (const { storage, bytes } of tensors.values()) bytesByType.set(storage.name, (bytesByType.get(storage.name) ?? 0) + bytes);
  return [...bytesByType].toSorted((a, b) => b[1] - a[1])[0]?.[0] ?? 'unknown';
}
