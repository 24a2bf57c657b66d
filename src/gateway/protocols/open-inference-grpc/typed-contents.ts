import type { TensorDatatype } from '../../../core/inference/index.ts';
import { encodeBytesElements, refuse } from '../open-inference-tensors/index.ts';
import type { InferTensorContents } from '../grpc/generated/index.ts';

/** Where a tensor stands in a request, for what is said about it. */
export interface TensorPlace {
  readonly input: string;
  readonly model: string;
}

type Field = Exclude<keyof InferTensorContents, '$typeName' | '$unknown'>;

const FIELDS: readonly Field[] = [
  'boolContents',
  'intContents',
  'int64Contents',
  'uintContents',
  'uint64Contents',
  'fp32Contents',
  'fp64Contents',
  'bytesContents',
];

/** What a field holds when the datatype does not say it more narrowly. */
const FIELD_DATATYPES: Readonly<Record<Field, TensorDatatype>> = {
  boolContents: 'BOOL',
  intContents: 'INT32',
  int64Contents: 'INT64',
  uintContents: 'UINT32',
  uint64Contents: 'UINT64',
  fp32Contents: 'FP32',
  fp64Contents: 'FP64',
  bytesContents: 'BYTES',
};

const NARROW: Readonly<Record<string, Field>> = {
  INT8: 'intContents',
  INT16: 'intContents',
  UINT8: 'uintContents',
  UINT16: 'uintContents',
};

/**
 * The raw bytes of elements that came in typed fields. Small integers keep their low bits, as in Triton. Throws `invalid_request` when
 * another field is filled than the datatype's. FP16 and BF16 have none.
 */
export function packContents(contents: InferTensorContents, datatype: string, place: TensorPlace): Uint8Array {
  const filled = FIELDS.filter((field) => contents[field].length > 0);
  const [field] = filled;
  if (field === undefined) return new Uint8Array(0);
  const said = `unexpected explicit tensor data for input tensor '${place.input}' for model '${place.model}'`;
  if (filled.length > 1) throw refuse(`${said}, binary data was already supplied.`);
  const held = NARROW[datatype] === field ? datatype : FIELD_DATATYPES[field];
  if (held !== datatype) throw refuse(`${said} of type '${held}', expected datatype '${datatype}'`);
  return field === 'bytesContents' ? encodeBytesElements(contents.bytesContents) : bytesOf(packNumbers(contents, datatype));
}

/** The machine is little-endian, as every machine that runs Node is. */
function packNumbers(contents: InferTensorContents, datatype: string): NodeJS.TypedArray {
  switch (datatype) {
    case 'BOOL':
      return Uint8Array.from(contents.boolContents, Number);
    case 'INT8':
      return Int8Array.from(contents.intContents);
    case 'INT16':
      return Int16Array.from(contents.intContents);
    case 'INT32':
      return Int32Array.from(contents.intContents);
    case 'INT64':
      return BigInt64Array.from(contents.int64Contents);
    case 'UINT8':
      return Uint8Array.from(contents.uintContents);
    case 'UINT16':
      return Uint16Array.from(contents.uintContents);
    case 'UINT32':
      return Uint32Array.from(contents.uintContents);
    case 'UINT64':
      return BigUint64Array.from(contents.uint64Contents);
    case 'FP32':
      return Float32Array.from(contents.fp32Contents);
    default:
      return Float64Array.from(contents.fp64Contents);
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: NodeJS.TypedArray): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
