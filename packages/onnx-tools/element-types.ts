/** An element type of ONNX: Open Inference's word where there is one, else ONNX's in the same manner. */
export type ElementType =
  | 'BOOL'
  | 'UINT8'
  | 'UINT16'
  | 'UINT32'
  | 'UINT64'
  | 'INT8'
  | 'INT16'
  | 'INT32'
  | 'INT64'
  | 'FP16'
  | 'BF16'
  | 'FP32'
  | 'FP64'
  | 'BYTES'
  | 'COMPLEX64'
  | 'COMPLEX128'
  | 'FP8E4M3FN'
  | 'FP8E4M3FNUZ'
  | 'FP8E5M2'
  | 'FP8E5M2FNUZ'
  | 'FP8E8M0'
  | 'FP6E2M3'
  | 'FP6E3M2'
  | 'FP4E2M1'
  | 'UINT4'
  | 'INT4'
  | 'UINT2'
  | 'INT2';

/** The typed list of a tensor that holds its values when they are not raw bytes. */
export type ValueList = 'floatData' | 'int32Data' | 'stringData' | 'int64Data' | 'doubleData' | 'uint64Data';

/** How one element type is written in a model file. */
export interface ElementFormat {
  /** Number of the type in the file. */
  readonly code: number;
  readonly type: ElementType;
  /** Of one element among raw bytes; 0 for strings, which are never raw. */
  readonly bits: number;
  readonly list: ValueList;
  /** Entries of `list` that stand for one element: 2 for complex numbers, 1/2 for two elements in an entry. */
  readonly entriesPerElement: number;
}

const entries: ReadonlyArray<
  readonly [code: number, type: ElementType, bits: number, list: ValueList, entriesPerElement?: number]
> = [
  [1, 'FP32', 32, 'floatData'],
  [2, 'UINT8', 8, 'int32Data'],
  [3, 'INT8', 8, 'int32Data'],
  [4, 'UINT16', 16, 'int32Data'],
  [5, 'INT16', 16, 'int32Data'],
  [6, 'INT32', 32, 'int32Data'],
  [7, 'INT64', 64, 'int64Data'],
  [8, 'BYTES', 0, 'stringData'],
  [9, 'BOOL', 8, 'int32Data'],
  [10, 'FP16', 16, 'int32Data'],
  [11, 'FP64', 64, 'doubleData'],
  [12, 'UINT32', 32, 'uint64Data'],
  [13, 'UINT64', 64, 'uint64Data'],
  [14, 'COMPLEX64', 64, 'floatData', 2],
  [15, 'COMPLEX128', 128, 'doubleData', 2],
  [16, 'BF16', 16, 'int32Data'],
  [17, 'FP8E4M3FN', 8, 'int32Data'],
  [18, 'FP8E4M3FNUZ', 8, 'int32Data'],
  [19, 'FP8E5M2', 8, 'int32Data'],
  [20, 'FP8E5M2FNUZ', 8, 'int32Data'],
  [21, 'UINT4', 4, 'int32Data', 1 / 2],
  [22, 'INT4', 4, 'int32Data', 1 / 2],
  [23, 'FP4E2M1', 4, 'int32Data', 1 / 2],
  [24, 'FP8E8M0', 8, 'int32Data'],
  [25, 'UINT2', 2, 'int32Data', 1 / 4],
  [26, 'INT2', 2, 'int32Data', 1 / 4],
  [27, 'FP6E2M3', 6, 'int32Data'],
  [28, 'FP6E3M2', 6, 'int32Data'],
];

const formats = entries.map(([code, type, bits, list, entriesPerElement = 1]): ElementFormat => ({
  code,
  type,
  bits,
  list,
  entriesPerElement,
}));

/** By the number that the file carries. Layouts: the comments on TensorProto in onnx.proto of onnx/onnx. */
export const elementFormats: ReadonlyMap<number, ElementFormat> = new Map(formats.map((format) => [format.code, format]));

const formatsByType: ReadonlyMap<ElementType, ElementFormat> = new Map(formats.map((format) => [format.type, format]));

/** The format of a type by name. */
export function formatOf(type: ElementType): ElementFormat {
  const format = formatsByType.get(type);
  if (format === undefined) throw new TypeError(`unknown element type ${type}`);
  return format;
}

/** Bytes of so many elements as raw data; a last byte that is not full counts whole. */
export function rawBytesOf(format: ElementFormat, elements: number): number {
  return format.bits >= 8 ? elements * (format.bits / 8) : Math.ceil((elements * format.bits) / 8);
}
