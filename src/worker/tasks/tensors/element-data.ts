import { datatypeBytes, type TensorDatatype } from '../../../core/inference/index.ts';

/** Product of the sizes; 1 for a scalar. */
export function countElements(shape: readonly number[]): number {
  let count = 1;
  for (const size of shape) count *= size;
  return count;
}

/**
 * Where each of `count` parts of `each` elements ends in `BYTES` data. Undefined when the data is not exactly that many elements.
 */
export function findBytesEnds(data: Uint8Array, count: number, each: number): readonly number[] | undefined {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const ends: number[] = [];
  let at = 0;
  for (let part = 0; part < count; part++) {
    for (let element = 0; element < each; element++) {
      if (at + 4 > data.byteLength) return undefined;
      at += 4 + view.getUint32(at, true);
    }
    ends.push(at);
  }
  return at === data.byteLength ? ends : undefined;
}

/** Whether the bytes are exactly so many elements. */
export function fitsData(datatype: TensorDatatype, elements: number, data: Uint8Array): boolean {
  if (datatype !== 'BYTES') return data.byteLength === elements * datatypeBytes[datatype];
  return data.byteLength >= elements * 4 && findBytesEnds(data, 1, elements) !== undefined;
}

type Writer = (view: DataView, at: number, value: bigint) => void;

const numberWriters: Partial<Record<TensorDatatype, Writer>> = {
  BOOL: (view, at, value) => view.setUint8(at, value === 0n ? 0 : 1),
  INT32: (view, at, value) => view.setInt32(at, Number(BigInt.asIntN(32, value)), true),
  UINT32: (view, at, value) => view.setUint32(at, Number(BigInt.asUintN(32, value)), true),
  INT64: (view, at, value) => view.setBigInt64(at, BigInt.asIntN(64, value), true),
  UINT64: (view, at, value) => view.setBigUint64(at, BigInt.asUintN(64, value), true),
};

/** Whether {@link encodeNumbers} knows the type. */
export function canEncode(datatype: TensorDatatype): boolean {
  return datatype === 'FP32' || numberWriters[datatype] !== undefined;
}

/** Whole numbers as tensor data; too large ones lose their high bits. FP32 takes fractions too. */
export function encodeNumbers(datatype: TensorDatatype, values: ReadonlyArray<number | bigint>): Uint8Array {
  const size = datatypeBytes[datatype];
  const data = new Uint8Array(values.length * size);
  const view = new DataView(data.buffer);
  const write = numberWriters[datatype];
  for (const [index, value] of values.entries()) {
    if (datatype === 'FP32') view.setFloat32(index * 4, Number(value), true);
    else write?.(view, index * size, BigInt(value));
  }
  return data;
}

/** Strings as `BYTES` data. */
export function encodeTexts(texts: readonly string[]): Uint8Array {
  const parts = texts.map((text) => Buffer.from(text, 'utf8'));
  const data = new Uint8Array(parts.reduce((sum, part) => sum + 4 + part.byteLength, 0));
  const view = new DataView(data.buffer);
  let at = 0;
  for (const part of parts) {
    view.setUint32(at, part.byteLength, true);
    data.set(part, at + 4);
    at += 4 + part.byteLength;
  }
  return data;
}

/** One piece of memory with all parts, one after the other; a single part is not copied. */
export function joinData(parts: readonly Uint8Array[]): Uint8Array {
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return only;
  let length = 0;
  for (const part of parts) length += part.byteLength;
  const joined = Buffer.allocUnsafeSlow(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.byteLength;
  }
  return joined;
}
