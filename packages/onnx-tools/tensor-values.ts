import { create } from '@bufbuild/protobuf';
import { formatOf, rawBytesOf, type ElementFormat, type ElementType } from './element-types.ts';
import { TensorProtoSchema, type TensorProto } from './generated/onnx_pb.ts';
import { numberToBrain, numberToHalf } from './half-floats.ts';
import { OnnxToolsError } from './onnx-tools-error.ts';

/** One element for a tensor. */
export type ElementValue = number | bigint | boolean | string | Uint8Array;

/**
 * A constant tensor. `values` are one per element, row-major, or the raw little-endian bytes as any view of a buffer, which are not
 * copied. BYTES takes strings (as UTF-8) or byte arrays; BOOL booleans or 0 and 1; 64-bit types bigints or whole numbers. Throws
 * OnnxToolsError when values do not fit `dims`.
 */
export function tensor(
  name: string,
  datatype: ElementType,
  { dims, values }: { readonly dims: readonly number[]; readonly values: readonly ElementValue[] | ArrayBufferView },
): TensorProto {
  const format = formatOf(datatype);
  const proto = create(TensorProtoSchema, { name, dataType: format.code, dims: dims.map(BigInt) });
  const elements = dims.reduce((product, size) => product * size, 1);
  if (ArrayBuffer.isView(values)) proto.rawData = checkRaw(name, { format, elements, values });
  else {
    if (values.length !== elements) {
      throw new OnnxToolsError(`tensor "${name}" has ${values.length} values, its dims [${dims.join(', ')}] need ${elements}`);
    }
    if (datatype === 'BYTES') proto.stringData = values.map((value) => bytesOf(name, value));
    else proto.rawData = encode(name, format, values);
  }
  return proto;
}

function checkRaw(name: string, raw: { format: ElementFormat; elements: number; values: ArrayBufferView }): Uint8Array {
  const { format, elements, values } = raw;
  const bytes = rawBytesOf(format, elements);
  if (format.type === 'BYTES') throw new OnnxToolsError(`tensor "${name}" is of BYTES, which have no raw form`);
  if (values.byteLength !== bytes) {
    throw new OnnxToolsError(`tensor "${name}" has ${values.byteLength} raw bytes, ${elements} ${format.type} need ${bytes}`);
  }
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function bytesOf(name: string, value: ElementValue): Uint8Array {
  if (typeof value === 'string') return new TextEncoder().encode(value);
  if (value instanceof Uint8Array) return value;
  throw new OnnxToolsError(`tensor "${name}" of BYTES holds ${String(value)}, expected a string or bytes`);
}

type Put = (view: DataView, index: number, value: ElementValue) => void;

const puts: Partial<Record<ElementType, Put>> = {
  BOOL: (view, index, value) => view.setUint8(index, Number(value) === 0 ? 0 : 1),
  UINT8: (view, index, value) => view.setUint8(index, Number(value)),
  INT8: (view, index, value) => view.setInt8(index, Number(value)),
  UINT16: (view, index, value) => view.setUint16(index * 2, Number(value), true),
  INT16: (view, index, value) => view.setInt16(index * 2, Number(value), true),
  UINT32: (view, index, value) => view.setUint32(index * 4, Number(value), true),
  INT32: (view, index, value) => view.setInt32(index * 4, Number(value), true),
  UINT64: (view, index, value) => view.setBigUint64(index * 8, wholeOf(value), true),
  INT64: (view, index, value) => view.setBigInt64(index * 8, wholeOf(value), true),
  FP16: (view, index, value) => view.setUint16(index * 2, numberToHalf(Number(value)), true),
  BF16: (view, index, value) => view.setUint16(index * 2, numberToBrain(Number(value)), true),
  FP32: (view, index, value) => view.setFloat32(index * 4, Number(value), true),
  FP64: (view, index, value) => view.setFloat64(index * 8, Number(value), true),
  UINT4: putHalfByte,
  INT4: putHalfByte,
};

function encode(name: string, format: ElementFormat, values: readonly ElementValue[]): Uint8Array {
  const put = puts[format.type];
  if (put === undefined) throw new OnnxToolsError(`tensor "${name}" of ${format.type} takes raw bytes only`);
  const bytes = new Uint8Array(rawBytesOf(format, values.length));
  const view = new DataView(bytes.buffer);
  for (const [index, value] of values.entries()) put(view, index, value);
  return bytes;
}

function wholeOf(value: ElementValue): bigint {
  return typeof value === 'bigint' ? value : BigInt(Number(value));
}

/** Two to a byte, the first in the low half. */
function putHalfByte(view: DataView, index: number, value: ElementValue): void {
  const at = index >> 1;
  const half = Number(value) & 0xf;
  view.setUint8(at, index % 2 === 0 ? half : view.getUint8(at) | (half << 4));
}
