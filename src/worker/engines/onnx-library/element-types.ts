import type { TensorDatatype } from '../../../core/inference/index.ts';

/** ONNXTensorElementDataType of the C API, which is also TensorProto.DataType of the file format. */
export const elementTypes: Readonly<Record<TensorDatatype, number>> = {
  FP32: 1,
  UINT8: 2,
  INT8: 3,
  UINT16: 4,
  INT16: 5,
  INT32: 6,
  INT64: 7,
  BYTES: 8,
  BOOL: 9,
  FP16: 10,
  FP64: 11,
  UINT32: 12,
  UINT64: 13,
  BF16: 16,
};

/** What the file format calls element types that no datatype of a caller stands for. */
const foreignNames: Readonly<Record<number, string>> = {
  0: 'UNDEFINED',
  14: 'COMPLEX64',
  15: 'COMPLEX128',
  17: 'FLOAT8E4M3FN',
  18: 'FLOAT8E4M3FNUZ',
  19: 'FLOAT8E5M2',
  20: 'FLOAT8E5M2FNUZ',
  21: 'UINT4',
  22: 'INT4',
  23: 'FLOAT4E2M1',
  24: 'UINT2',
  25: 'INT2',
  26: 'FLOAT8E8M0',
};

const datatypes = new Map(Object.entries(elementTypes).map(([name, code]) => [code, name as TensorDatatype]));

/** The datatype of an element type; undefined when callers have no name for it. */
export function datatypeOfElement(code: number): TensorDatatype | undefined {
  return datatypes.get(code);
}

/** A name for any element type, for messages. */
export function elementName(code: number): string {
  return datatypes.get(code) ?? foreignNames[code] ?? `number ${code}`;
}
