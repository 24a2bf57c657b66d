import { brainToNumber, halfToNumber } from '../../../packages/onnx-tools/index.ts';
import { datatypeBytes, type Tensor, type TensorDatatype } from '../../../src/core/inference/index.ts';

/** Those of the runner of the package onnx: a result may be off by so much of the expected value, and by so much besides. */
const RELATIVE = 1e-3;
const ABSOLUTE = 1e-7;

type Read = (view: DataView, at: number) => number | bigint;

const reads: Readonly<Record<Exclude<TensorDatatype, 'BYTES'>, Read>> = {
  BOOL: (view, at) => view.getUint8(at),
  UINT8: (view, at) => view.getUint8(at),
  UINT16: (view, at) => view.getUint16(at, true),
  UINT32: (view, at) => view.getUint32(at, true),
  UINT64: (view, at) => view.getBigUint64(at, true),
  INT8: (view, at) => view.getInt8(at),
  INT16: (view, at) => view.getInt16(at, true),
  INT32: (view, at) => view.getInt32(at, true),
  INT64: (view, at) => view.getBigInt64(at, true),
  FP16: (view, at) => halfToNumber(view.getUint16(at, true)),
  BF16: (view, at) => brainToNumber(view.getUint16(at, true)),
  FP32: (view, at) => view.getFloat32(at, true),
  FP64: (view, at) => view.getFloat64(at, true),
};

/** What is wrong with an answer; undefined when it is the expected one. Tensors are found by name, in any order. */
export function findDifference(expected: readonly Tensor[], got: readonly Tensor[]): string | undefined {
  if (got.length !== expected.length) return `${got.length} outputs, expected ${expected.length}`;
  for (const tensor of expected) {
    const other = got.find(({ name }) => name === tensor.name);
    const difference = other === undefined ? 'it is missing' : compareTensor(tensor, other);
    if (difference !== undefined) return `output '${tensor.name}': ${difference}`;
  }
  return undefined;
}

function compareTensor(expected: Tensor, got: Tensor): string | undefined {
  if (got.datatype !== expected.datatype) return `datatype ${got.datatype}, expected ${expected.datatype}`;
  if (got.shape.join() !== expected.shape.join()) return `shape [${got.shape.join()}], expected [${expected.shape.join()}]`;
  if (got.data.length !== expected.data.length) return `${got.data.length} bytes, expected ${expected.data.length}`;
  if (Buffer.compare(got.data, expected.data) === 0) return undefined;
  return expected.datatype === 'BYTES' ? 'other strings' : compareNumbers(expected, got, expected.datatype);
}

function compareNumbers(expected: Tensor, got: Tensor, datatype: Exclude<TensorDatatype, 'BYTES'>): string | undefined {
  const [size, read] = [datatypeBytes[datatype], reads[datatype]];
  const [ours, theirs] = [viewOf(got.data), viewOf(expected.data)];
  for (let at = 0; at < expected.data.length; at += size) {
    const [value, wanted] = [read(ours, at), read(theirs, at)];
    if (!isClose(value, wanted)) return `element ${at / size} is ${value}, expected ${wanted}`;
  }
  return undefined;
}

function isClose(value: number | bigint, wanted: number | bigint): boolean {
  if (Object.is(value, wanted) || value === wanted) return true;
  const distance = Math.abs(Number(value) - Number(wanted));
  return distance <= ABSOLUTE + RELATIVE * Math.abs(Number(wanted)) && Number.isFinite(Number(wanted));
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
