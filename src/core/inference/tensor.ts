/** Element types as Open Inference names them. `BYTES` elements are strings or blobs. */
export const tensorDatatypes = [
  'BOOL',
  'UINT8',
  'UINT16',
  'UINT32',
  'UINT64',
  'INT8',
  'INT16',
  'INT32',
  'INT64',
  'FP16',
  'BF16',
  'FP32',
  'FP64',
  'BYTES',
] as const;

export type TensorDatatype = (typeof tensorDatatypes)[number];

/**
 * A named array. `data` is row-major and little-endian without padding; a BOOL takes one byte, a `BYTES` element a u32 length and
 * that many bytes. `data.length` fits `shape` and `datatype`; the bytes may lie at any offset of their buffer.
 */
export interface Tensor {
  readonly name: string;
  readonly datatype: TensorDatatype;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/** A value that travels beside tensors: of a request to the engine, of a response to the caller. */
export type TensorParameter = string | number | boolean | bigint;

/** Bytes of one element; 0 for `BYTES`, whose elements differ. */
export const datatypeBytes: Readonly<Record<TensorDatatype, number>> = {
  BOOL: 1,
  UINT8: 1,
  UINT16: 2,
  UINT32: 4,
  UINT64: 8,
  INT8: 1,
  INT16: 2,
  INT32: 4,
  INT64: 8,
  FP16: 2,
  BF16: 2,
  FP32: 4,
  FP64: 8,
  BYTES: 0,
};
