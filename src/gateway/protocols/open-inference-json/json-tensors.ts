import { isUtf8 } from 'node:buffer';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { PlinthError } from '../../../core/errors/index.ts';
import { datatypeBytes, type Tensor, type TensorDatatype } from '../../../core/inference/index.ts';
import { decodeBytesElements, elementCount, encodeBytesElements, refuse } from '../open-inference-tensors/index.ts';
import { InexactNumber } from './json-text.ts';

type SmallArray = Int8Array | Int16Array | Int32Array | Uint8Array | Uint16Array | Uint32Array;

/** The bytes of a tensor whose values came as JSON, nested or flat. Throws `invalid_request`, {@link InexactNumber} for large numbers. */
export function dataFromJson(input: Omit<Tensor, 'data'>, data: unknown): Uint8Array {
  if (!Array.isArray(data)) throw refuse("Unable to parse 'data': attempt to access JSON non-array as array");
  const count = elementCount(input.shape);
  const values = flatten(data);
  const isCountedLater = input.datatype === 'BYTES';
  if (values.length !== count && !isCountedLater)
    throw refuse("Unable to parse 'data': Shape does not match true shape of 'data' field");
  return encodeValues(input, values);
}

function flatten(data: readonly unknown[]): readonly unknown[] {
  return data.some(Array.isArray) ? data.flat(Number.POSITIVE_INFINITY) : data;
}

function encodeValues({ name, datatype }: Omit<Tensor, 'data'>, values: readonly unknown[]): Uint8Array {
  switch (datatype) {
    case 'FP32':
      return fillReals(new Float32Array(values.length), values);
    case 'FP64':
      return fillReals(new Float64Array(values.length), values);
    case 'INT32':
      return fillWhole(new Int32Array(values.length), values, 'signed-integer');
    case 'INT64':
      return fillLarge(new BigInt64Array(values.length), values, 'signed-integer');
    case 'UINT64':
      return fillLarge(new BigUint64Array(values.length), values, 'unsigned-integer');
    case 'INT8':
      return fillWhole(new Int8Array(values.length), values, 'signed-integer');
    case 'INT16':
      return fillWhole(new Int16Array(values.length), values, 'signed-integer');
    case 'UINT8':
      return fillWhole(new Uint8Array(values.length), values, 'unsigned-integer');
    case 'UINT16':
      return fillWhole(new Uint16Array(values.length), values, 'unsigned-integer');
    case 'UINT32':
      return fillWhole(new Uint32Array(values.length), values, 'unsigned-integer');
    case 'BOOL':
      return fillFlags(values);
    case 'BYTES':
      return fillTexts(values);
    default:
      throw refuse(`receiving ${datatype} data via JSON is not supported. Please use the binary data format for input ${name}`);
  }
}

function bytesOf(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

function wrongKind(kind: string): PlinthError {
  return refuse(`Unable to parse 'data': attempt to access JSON non-${kind} as ${kind}`);
}

function fillReals(array: Float32Array | Float64Array, values: readonly unknown[]): Uint8Array {
  for (let at = 0; at < values.length; at++) {
    const value = values[at];
    if (typeof value === 'number') array[at] = value;
    else if (typeof value === 'bigint') array[at] = Number(value);
    else throw refuse("Unable to parse 'data': attempt to access JSON non-number as double");
  }
  return bytesOf(array);
}

/** A number that the type does not hold is refused, not wrapped. */
function fillWhole(array: SmallArray, values: readonly unknown[], kind: string): Uint8Array {
  for (let at = 0; at < values.length; at++) {
    const value = values[at];
    if (typeof value !== 'number') throw wrongKind(kind);
    array[at] = value;
    if (array[at] !== value) throw wrongKind(kind);
  }
  return bytesOf(array);
}

function fillLarge(array: BigInt64Array | BigUint64Array, values: readonly unknown[], kind: string): Uint8Array {
  for (let at = 0; at < values.length; at++) {
    const value = values[at];
    if (typeof value === 'number' && !Number.isSafeInteger(value)) throw new InexactNumber();
    if (typeof value !== 'number' && typeof value !== 'bigint') throw wrongKind(kind);
    const exact = BigInt(value);
    array[at] = exact;
    if (array[at] !== exact) throw wrongKind(kind);
  }
  return bytesOf(array);
}

function fillFlags(values: readonly unknown[]): Uint8Array {
  const array = new Uint8Array(values.length);
  for (let at = 0; at < values.length; at++) {
    const value = values[at];
    if (typeof value !== 'boolean') throw wrongKind('boolean');
    array[at] = value ? 1 : 0;
  }
  return array;
}

function fillTexts(values: readonly unknown[]): Uint8Array {
  const texts = values.map((value) => {
    if (typeof value !== 'string') throw wrongKind('string');
    return value;
  });
  return encodeBytesElements(texts);
}

/**
 * The values of an output as the inside of a JSON array, row-major; what is no finite number as Triton writes it, `NaN` and `Infinity`.
 * Throws for bytes that are no text and for half precision.
 */
export function dataToJson(tensor: Tensor): string {
  const { datatype } = tensor;
  if (datatype === 'BYTES') return textsToJson(tensor);
  if (datatype === 'BOOL') return Array.from(tensor.data, (byte) => byte !== 0).join(',');
  const view = VIEWS[datatype];
  if (view === undefined)
    throw cannotSay(
      `sending ${datatype} data via JSON is not supported. Please use the binary data format for output ${tensor.name}`,
    );
  return view(aligned(tensor.data)).join(',');
}

const LONG_ELEMENTS = 262_144;

/** Whether a tensor has so many numbers that writing them would keep everybody else waiting: {@link longDataToJson} does not. */
export function isLong({ datatype, data }: Tensor): boolean {
  return datatype !== 'BYTES' && data.byteLength > LONG_ELEMENTS * datatypeBytes[datatype];
}

/** As {@link dataToJson}, in pieces between which other work gets its turn. Not for `BYTES`. */
export async function longDataToJson(tensor: Tensor): Promise<string> {
  const { data } = tensor;
  const step = LONG_ELEMENTS * datatypeBytes[tensor.datatype];
  const pieces: string[] = [];
  for (let from = 0; from < data.byteLength; from += step) {
    pieces.push(dataToJson({ ...tensor, data: data.subarray(from, from + step) }));
    await nextTurn();
  }
  return pieces.join(',');
}

type JoinableView = { join(separator: string): string };

const VIEWS: Readonly<Partial<Record<TensorDatatype, (data: Uint8Array<ArrayBuffer>) => JoinableView>>> = {
  FP32: ({ buffer, byteOffset, byteLength }) => new Float32Array(buffer, byteOffset, byteLength >> 2),
  FP64: ({ buffer, byteOffset, byteLength }) => new Float64Array(buffer, byteOffset, byteLength >> 3),
  INT8: ({ buffer, byteOffset, byteLength }) => new Int8Array(buffer, byteOffset, byteLength),
  INT16: ({ buffer, byteOffset, byteLength }) => new Int16Array(buffer, byteOffset, byteLength >> 1),
  INT32: ({ buffer, byteOffset, byteLength }) => new Int32Array(buffer, byteOffset, byteLength >> 2),
  INT64: ({ buffer, byteOffset, byteLength }) => new BigInt64Array(buffer, byteOffset, byteLength >> 3),
  UINT8: ({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength),
  UINT16: ({ buffer, byteOffset, byteLength }) => new Uint16Array(buffer, byteOffset, byteLength >> 1),
  UINT32: ({ buffer, byteOffset, byteLength }) => new Uint32Array(buffer, byteOffset, byteLength >> 2),
  UINT64: ({ buffer, byteOffset, byteLength }) => new BigUint64Array(buffer, byteOffset, byteLength >> 3),
};

const WIDEST = 8;

/** Views of wide numbers begin at a multiple of their size; what lies elsewhere is copied. */
function aligned(data: Uint8Array): Uint8Array<ArrayBuffer> {
  const isFit = data.byteOffset % WIDEST === 0 && data.buffer instanceof ArrayBuffer;
  return isFit ? (data as Uint8Array<ArrayBuffer>) : new Uint8Array(data);
}

function textsToJson(tensor: Tensor): string {
  return decodeBytesElements(tensor.data, tensor.name)
    .map((element) => {
      if (!isUtf8(element))
        throw cannotSay(
          `output ${tensor.name} holds bytes that are no text. Please use the binary data format for output ${tensor.name}`,
        );
      return JSON.stringify(Buffer.from(element.buffer, element.byteOffset, element.byteLength).toString('utf8'));
    })
    .join(',');
}

function cannotSay(message: string): PlinthError {
  return new PlinthError({ code: 'invalid_request', message });
}
