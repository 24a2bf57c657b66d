import { refuseGraph } from './refuse-graph.ts';

const WINDOW_BYTES = 64 * 1024;
const TWO_TO_32 = 2 ** 32;
const MOST_VARINT_BYTES = 10;

/** Bytes that can be read at any place. */
export interface GraphBytes {
  readonly totalBytes: number;
  /** Fills `target` from `position` on; returns how many bytes it could. */
  read(target: Buffer, position: number): number;
}

/** Reads protobuf values one after the other through a window of fixed size, however large the file is. */
export class WireCursor {
  readonly #source: GraphBytes;
  readonly #window = Buffer.allocUnsafe(WINDOW_BYTES);
  #windowStart = 0;
  #windowBytes = 0;
  #position = 0;

  constructor(source: GraphBytes) {
    this.#source = source;
  }

  get position(): number {
    return this.#position;
  }

  get totalBytes(): number {
    return this.#source.totalBytes;
  }

  /** Goes to a place inside the file, forwards. */
  moveTo(position: number): void {
    this.#position = position;
  }

  readByte(end: number, what: string): number {
    if (this.#position >= end) refuseGraph(`${what} is cut off at byte ${this.#position}`);
    let at = this.#position - this.#windowStart;
    if (at < 0 || at >= this.#windowBytes) {
      this.#fill(what);
      at = 0;
    }
    this.#position += 1;
    return this.#window.readUInt8(at);
  }

  /** A 64-bit value. Answers −1 for every negative one and infinity for what a double cannot hold exactly: no rule needs to know more. */
  readVarint(end: number, what: string): number {
    let low = 0;
    let high = 0;
    for (let index = 0; index < MOST_VARINT_BYTES; index++) {
      const byte = this.readByte(end, what);
      const bits = byte & 0x7f;
      if (index < 4) low += bits * 2 ** (7 * index);
      else if (index === 4) {
        low += (bits & 0xf) * 2 ** 28;
        high += bits >> 4;
      } else high += bits * 2 ** (7 * index - 32);
      if (byte < 0x80) return join(low, high);
    }
    return refuseGraph(`${what} has a number of more than ${MOST_VARINT_BYTES} bytes at byte ${this.#position}`);
  }

  /** How many numbers are packed between here and `end`. */
  countVarints(end: number, what: string): number {
    let count = 0;
    let run = 0;
    while (this.#position < end) {
      if (this.readByte(end, what) < 0x80) {
        count += 1;
        run = 0;
      } else if (++run >= MOST_VARINT_BYTES) refuseGraph(`${what} has a number of more than ${MOST_VARINT_BYTES} bytes`);
    }
    if (run > 0) refuseGraph(`${what} ends within a number`);
    return count;
  }

  /** The text between here and `end`, at most `most` bytes of it. */
  readText(end: number, { most, what }: { most: number; what: string }): string {
    const length = end - this.#position;
    if (length > most) refuseGraph(`${what} has ${length} bytes, at most ${most} are taken`);
    const bytes = Buffer.alloc(length);
    const done = this.#source.read(bytes, this.#position);
    if (done < length) refuseGraph(`${what} cannot be read: the file is shorter than its size says`);
    this.#position = end;
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      return refuseGraph(`${what} is no UTF-8`);
    }
  }

  #fill(what: string): void {
    this.#windowStart = this.#position;
    this.#windowBytes = this.#source.read(this.#window, this.#position);
    if (this.#windowBytes < 1) refuseGraph(`${what} cannot be read: the file is shorter than its size says`);
  }
}

function join(low: number, high: number): number {
  if (high >= 2 ** 31) return -1;
  return high > 0x1f_ffff ? Infinity : high * TWO_TO_32 + low;
}
