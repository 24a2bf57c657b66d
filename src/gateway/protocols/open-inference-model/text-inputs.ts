import { isUtf8 } from 'node:buffer';
import { datatypeBytes, type Tensor } from '../../../core/inference/index.ts';
import { decodeBytesElements, elementCount, refuse } from '../open-inference-tensors/index.ts';

/** A value of a small input: numbers and booleans as themselves, a `BYTES` element as text. */
export type PlainValue = string | number | boolean | bigint;

/** The values of an input in order. Throws `invalid_request` when the bytes do not fit the shape or are no text. */
export function readValues(tensor: Tensor, most: number): readonly PlainValue[] {
  const count = elementCount(tensor.shape);
  if (count > most) throw refuse(`input '${tensor.name}' may have at most ${most} elements, but ${count} came`);
  if (tensor.datatype === 'BYTES') return readTexts(tensor, count);
  const expected = count * datatypeBytes[tensor.datatype];
  if (tensor.data.byteLength !== expected)
    throw refuse(`input byte size mismatch for input '${tensor.name}'. Expected ${expected}, got ${tensor.data.byteLength}`);
  const view = new DataView(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
  return Array.from({ length: count }, (_, index) => readNumber(tensor, view, index * datatypeBytes[tensor.datatype]));
}

function readTexts(tensor: Tensor, count: number): readonly string[] {
  const elements = decodeBytesElements(tensor.data, tensor.name);
  if (elements.length !== count)
    throw refuse(`expected ${count} string elements for inference input '${tensor.name}', got ${elements.length}`);
  return elements.map((element) => {
    if (!isUtf8(element)) throw refuse(`input '${tensor.name}' is not valid UTF-8`);
    return Buffer.from(element.buffer, element.byteOffset, element.byteLength).toString('utf8');
  });
}

function readNumber(tensor: Tensor, view: DataView, offset: number): PlainValue {
  switch (tensor.datatype) {
    case 'BOOL':
      return view.getUint8(offset) !== 0;
    case 'UINT8':
      return view.getUint8(offset);
    case 'INT8':
      return view.getInt8(offset);
    case 'UINT16':
      return view.getUint16(offset, true);
    case 'INT16':
      return view.getInt16(offset, true);
    case 'UINT32':
      return view.getUint32(offset, true);
    case 'INT32':
      return view.getInt32(offset, true);
    case 'UINT64':
      return view.getBigUint64(offset, true);
    case 'INT64':
      return view.getBigInt64(offset, true);
    case 'FP32':
      return view.getFloat32(offset, true);
    case 'FP64':
      return view.getFloat64(offset, true);
    default:
      throw refuse(`inference input '${tensor.name}' data-type is '${tensor.datatype}', which holds no option`);
  }
}
