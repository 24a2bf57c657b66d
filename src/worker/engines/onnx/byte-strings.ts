import koffi from 'koffi';
import { PlinthError } from '../../../core/errors/index.ts';
import type { OnnxLibrary, Pointer } from '../onnx-library/index.ts';

const LENGTH_BYTES = 4;
/** Memory that native code reads by its address alone, which the collector does not see. */
const lent = new Set<Uint8Array>();

/** Starts and lengths of the elements of a BYTES tensor: u32 length, bytes, and so on. Throws PlinthError `invalid_request`. */
function splitElements(name: string, data: Uint8Array, count: number): { starts: Float64Array; lengths: Uint32Array } {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const starts = new Float64Array(count);
  const lengths = new Uint32Array(count);
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + LENGTH_BYTES > data.length) throw misfit(name, count);
    const length = view.getUint32(at, true);
    at += LENGTH_BYTES;
    if (at + length > data.length) throw misfit(name, count);
    starts[i] = at;
    lengths[i] = length;
    at += length;
  }
  if (at !== data.length) throw misfit(name, count);
  return { starts, lengths };
}

function misfit(name: string, count: number): PlinthError {
  const message = `The data of input '${name}' must be ${count} strings, each a 4-byte length and that many bytes, and nothing else.`;
  return new PlinthError({ code: 'invalid_request', message, param: 'inputs' });
}

interface Strings {
  readonly name: string;
  readonly data: Uint8Array;
  readonly count: number;
}

/** Fills a native string tensor with exactly the bytes of a BYTES tensor. */
export function fillStrings(library: OnnxLibrary, value: Pointer, { name, data, count }: Strings): void {
  const { starts, lengths } = splitElements(name, data, count);
  if (count === 0) return;
  // The length bytes in front of every element become the zero that ends the one before.
  const texts = new Uint8Array(new ArrayBuffer(data.length + 1));
  texts.set(data);
  const base = koffi.address(texts);
  const pointers = new BigUint64Array(count);
  const withZeros: number[] = [];
  for (let i = 0; i < count; i++) {
    const start = starts[i] ?? 0;
    const end = start + (lengths[i] ?? 0);
    texts[end] = 0;
    pointers[i] = base + BigInt(start);
    const zero = data.indexOf(0, start);
    if (zero >= 0 && zero < end) withZeros.push(i);
  }
  lent.add(texts);
  try {
    library.check(library.api.fillStrings(value, pointers, count));
  } finally {
    lent.delete(texts);
  }
  for (const i of withZeros) {
    const start = starts[i] ?? 0;
    const length = lengths[i] ?? 0;
    const place = library.pointer((out) => library.api.resizeString(value, i, length, out));
    new Uint8Array(koffi.view(place, length)).set(data.subarray(start, start + length));
  }
}

/** The elements of a native string tensor as a BYTES tensor holds them. */
export function readStrings(library: OnnxLibrary, value: Pointer, count: number): Uint8Array {
  if (count === 0) return new Uint8Array(0);
  const { api } = library;
  const length = library.size((out) => api.stringsLength(value, out));
  const bytes = new Uint8Array(new ArrayBuffer(Math.max(1, length)));
  const offsets = new BigUint64Array(new ArrayBuffer(count * 8));
  library.check(api.readStrings(value, bytes, length, offsets, count));
  const data = new Uint8Array(length + count * LENGTH_BYTES);
  const view = new DataView(data.buffer);
  let at = 0;
  for (let i = 0; i < count; i++) {
    const start = Number(offsets[i]);
    const end = i + 1 < count ? Number(offsets[i + 1]) : length;
    view.setUint32(at, end - start, true);
    data.set(bytes.subarray(start, end), at + LENGTH_BYTES);
    at += LENGTH_BYTES + end - start;
  }
  return data;
}
