import type { TensorDatatype } from '../inference/index.ts';

/** Reads one number of a tensor by its place. */
export type ReadNumber = (index: number) => number;

/** How the numbers of a tensor are read, which may lie at any offset of their buffer; undefined for strings. 64-bit integers lose what a double cannot hold. */
export function numberReader(datatype: TensorDatatype, data: Uint8Array): ReadNumber | undefined {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  switch (datatype) {
    case 'FP32':
      return (index) => view.getFloat32(index * 4, true);
    case 'FP64':
      return (index) => view.getFloat64(index * 8, true);
    case 'FP16':
      return (index) => halfToNumber(view.getUint16(index * 2, true));
    case 'BF16':
      return (index) => brainToNumber(view.getUint16(index * 2, true));
    case 'BOOL':
    case 'UINT8':
      return (index) => view.getUint8(index);
    case 'INT8':
      return (index) => view.getInt8(index);
    case 'UINT16':
      return (index) => view.getUint16(index * 2, true);
    case 'INT16':
      return (index) => view.getInt16(index * 2, true);
    case 'UINT32':
      return (index) => view.getUint32(index * 4, true);
    case 'INT32':
      return (index) => view.getInt32(index * 4, true);
    case 'UINT64':
      return (index) => Number(view.getBigUint64(index * 8, true));
    case 'INT64':
      return (index) => Number(view.getBigInt64(index * 8, true));
    case 'BYTES':
      return undefined;
  }
}

/** IEEE 754 binary16: 1 bit of sign, 5 of exponent, 10 of fraction. */
function halfToNumber(bits: number): number {
  const sign = bits >> 15 === 0 ? 1 : -1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const scratch = new DataView(new ArrayBuffer(4));

/** The upper half of a float32. */
function brainToNumber(bits: number): number {
  scratch.setUint32(0, bits * 65_536);
  return scratch.getFloat32(0);
}
