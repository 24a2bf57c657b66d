import koffi from 'koffi';
import { PlinthError } from '../../../core/errors/index.ts';
import { datatypeBytes, type Tensor, type TensorDatatype } from '../../../core/inference/index.ts';
import { datatypeOfElement, elementTypes, type OnnxLibrary, type Pointer } from '../onnx-library/index.ts';
import { fillStrings, readStrings } from './byte-strings.ts';

/** Native code gets a place for no elements, too. */
const NOWHERE = new Uint8Array(new ArrayBuffer(8));

/** Lengths are 32 bits where memory is copied out; more would come back cut off. */
const MOST_COPIED_BYTES = 2 ** 31;

/** A tensor as native code holds it. Whoever got it closes it; a run does not keep the values that it was given. */
export class NativeValue {
  readonly pointer: Pointer;
  readonly #library: OnnxLibrary;
  readonly #parts: Parts;
  #isClosed = false;

  constructor(library: OnnxLibrary, pointer: Pointer, parts: Parts) {
    this.#library = library;
    this.pointer = pointer;
    this.#parts = parts;
  }

  /**
   * The value of a tensor whose data fits its shape. Numbers stay where they are, so the tensor's bytes must not change before the
   * value is closed.
   */
  static of(library: OnnxLibrary, tensor: Tensor): NativeValue {
    return tensor.datatype === 'BYTES' ? ofStrings(library, tensor) : ofNumbers(library, tensor);
  }

  /** Takes over what native code made. */
  static adopt(library: OnnxLibrary, pointer: Pointer): NativeValue {
    const { api } = library;
    const info = library.pointer((out) => api.shapeOfValue(pointer, out));
    try {
      const datatype = datatypeOfElement(library.integer((out) => api.elementTypeOf(info, out)));
      if (datatype === undefined) throw new TypeError('a value of a type that no port has');
      const rank = library.size((out) => api.rankOf(info, out));
      const dimensions = new BigInt64Array(rank);
      if (rank > 0) library.check(api.dimensionsOf(info, dimensions, rank));
      return new NativeValue(library, pointer, { datatype, shape: Array.from(dimensions, Number) });
    } finally {
      api.releaseShape(info);
    }
  }

  get datatype(): TensorDatatype {
    return this.#parts.datatype;
  }

  get shape(): readonly number[] {
    return this.#parts.shape;
  }

  get elements(): number {
    return this.shape.reduce((product, size) => product * size, 1);
  }

  /** Its elements as a tensor holds them, in memory of their own. Throws PlinthError `engine_failed` when they are too many. */
  copyData(): Uint8Array {
    if (this.datatype === 'BYTES') return readStrings(this.#library, this.pointer, this.elements);
    const length = this.elements * datatypeBytes[this.datatype];
    if (length === 0) return new Uint8Array(0);
    if (length > MOST_COPIED_BYTES) {
      const message = `The model made an output of ${length} bytes; at most ${MOST_COPIED_BYTES} are possible.`;
      throw new PlinthError({ code: 'engine_failed', message });
    }
    return koffi.decode(this.#place(), 'uint8', length) as Uint8Array;
  }

  /** A window on the native memory of numbers, good until the value is closed. */
  viewData(): Uint8Array<ArrayBuffer> {
    const length = this.elements * datatypeBytes[this.datatype];
    return length === 0 ? new Uint8Array(0) : new Uint8Array(koffi.view(this.#place(), length));
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#library.api.releaseValue(this.pointer);
  }

  #place(): Pointer {
    return this.#library.pointer((out) => this.#library.api.dataOf(this.pointer, out));
  }
}

interface Parts {
  readonly datatype: TensorDatatype;
  readonly shape: readonly number[];
  /** Memory of JavaScript that native code reads; kept alive as long as the value. */
  readonly memory?: Uint8Array;
}

function dimensionsOf(shape: readonly number[]): BigInt64Array | null {
  return shape.length === 0 ? null : BigInt64Array.from(shape, BigInt);
}

function ofNumbers(library: OnnxLibrary, { datatype, shape, data }: Tensor): NativeValue {
  const memory = data.length === 0 ? NOWHERE : fitForNative(datatype, data);
  const dimensions = dimensionsOf(shape);
  const { api } = library;
  const place = koffi.address(memory);
  const pointer = library.pointer((out) =>
    api.wrapValue(library.memory, place, data.length, dimensions, shape.length, elementTypes[datatype], out),
  );
  return new NativeValue(library, pointer, { datatype, shape, memory });
}

/** Native code wants elements at multiples of their size, and truth values that are 0 or 1. */
function fitForNative(datatype: TensorDatatype, data: Uint8Array): Uint8Array {
  if (datatype === 'BOOL') return data.some((byte) => byte > 1) ? data.map((byte) => (byte === 0 ? 0 : 1)) : data;
  return data.byteOffset % datatypeBytes[datatype] === 0 ? data : data.slice();
}

function ofStrings(library: OnnxLibrary, { name, shape, data }: Tensor): NativeValue {
  const { api } = library;
  const pointer = library.pointer((out) =>
    api.createValue(library.allocator, dimensionsOf(shape), shape.length, elementTypes.BYTES, out),
  );
  const value = new NativeValue(library, pointer, { datatype: 'BYTES', shape });
  try {
    fillStrings(library, pointer, { name, data, count: value.elements });
  } catch (error) {
    value.close();
    throw error;
  }
  return value;
}
