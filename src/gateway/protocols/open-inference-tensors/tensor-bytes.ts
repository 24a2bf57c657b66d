import { PlinthError } from '../../../core/errors/index.ts';

const LENGTH_BYTES = 4;

/** A fault of the caller, in words that clients of Triton know. */
export function refuse(message: string): PlinthError {
  return new PlinthError({ code: 'invalid_request', message });
}

/** The product of the dimensions; 1 for a scalar. Throws `invalid_request` when it is no safe integer. */
export function elementCount(shape: readonly number[]): number {
  let count = 1;
  for (const size of shape) count *= size;
  if (!Number.isSafeInteger(count) || count < 0)
    throw refuse(`The shape [${shape.join(',')}] has more elements than can be counted.`);
  return count;
}

/** The bytes of a `BYTES` tensor: each element with its length before it. Strings become UTF-8. */
export function encodeBytesElements(elements: ReadonlyArray<string | Uint8Array>): Uint8Array {
  let total = 0;
  for (const element of elements)
    total += LENGTH_BYTES + (typeof element === 'string' ? Buffer.byteLength(element) : element.byteLength);
  const data = Buffer.allocUnsafe(total);
  let offset = 0;
  for (const element of elements) {
    const start = offset + LENGTH_BYTES;
    const length = typeof element === 'string' ? data.write(element, start, 'utf8') : element.byteLength;
    if (typeof element !== 'string') data.set(element, start);
    data.writeUInt32LE(length, offset);
    offset = start + length;
  }
  return data;
}

/** The elements of a `BYTES` tensor, as views. Throws `invalid_request` when a length runs past the end. */
export function decodeBytesElements(data: Uint8Array, name: string): Uint8Array[] {
  const elements: Uint8Array[] = [];
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let offset = 0;
  while (offset < data.byteLength) {
    const left = data.byteLength - offset;
    if (left < LENGTH_BYTES) throw refuse(incompleteLength(name, left));
    const length = view.getUint32(offset, true);
    offset += LENGTH_BYTES;
    if (length > data.byteLength - offset) throw refuse(incompleteData(name, length, data.byteLength - offset));
    elements.push(data.subarray(offset, offset + length));
    offset += length;
  }
  return elements;
}

/** As {@link decodeBytesElements}, without the views. */
export function countBytesElements(data: Uint8Array, name: string): number {
  let count = 0;
  let offset = 0;
  const end = data.byteLength;
  while (offset < end) {
    const left = end - offset;
    if (left < LENGTH_BYTES) throw refuse(incompleteLength(name, left));
    const length =
      ((data[offset] ?? 0) | ((data[offset + 1] ?? 0) << 8) | ((data[offset + 2] ?? 0) << 16)) +
      (data[offset + 3] ?? 0) * 0x100_0000;
    offset += LENGTH_BYTES + length;
    if (offset > end) throw refuse(incompleteData(name, length, left - LENGTH_BYTES));
    count += 1;
  }
  return count;
}

function incompleteLength(name: string, left: number): string {
  return `incomplete string length indicator for inference input '${name}', expecting 4 bytes but only ${left} bytes available. Please make sure the string length and data are correct.`;
}

function incompleteData(name: string, length: number, left: number): string {
  return `incomplete string data for inference input '${name}', expecting string of length ${length} but only ${left} bytes available. Please make sure the string length and data are correct.`;
}
