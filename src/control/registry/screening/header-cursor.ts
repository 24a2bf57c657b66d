import { refuse } from './refuse.ts';

const WINDOW_BYTES = 256 * 1024;
/** Real headers are below 40 MiB; the bound keeps a hostile one from costing time. */
const MAX_HEADER_BYTES = 512 * 1024 * 1024;
const TWO_TO_32 = 2 ** 32;

/** Bytes that can be read at any place. */
export interface ByteSource {
  readonly totalBytes: number;
  /** Fills `target` from `position` on; returns how many bytes it could. */
  read(target: Buffer, position: number): number;
}

/** Reads little-endian values one after the other through a window of fixed size. Refuses to go past the end. */
export class HeaderCursor {
  readonly #source: ByteSource;
  readonly #window = Buffer.allocUnsafe(WINDOW_BYTES);
  readonly #endBytes: number;
  #windowStart = 0;
  #windowBytes = 0;
  #position = 0;

  constructor(source: ByteSource) {
    this.#source = source;
    this.#endBytes = Math.min(source.totalBytes, MAX_HEADER_BYTES);
  }

  get position(): number {
    return this.#position;
  }

  get fileBytes(): number {
    return this.#source.totalBytes;
  }

  get remainingBytes(): number {
    return this.#endBytes - this.#position;
  }

  readByte(what: string): number {
    return this.#window.readUInt8(this.#take(1, what));
  }

  readUint32(what: string): number {
    return this.#window.readUInt32LE(this.#take(4, what));
  }

  /** A 64-bit count, length or offset. Refuses what a double cannot hold exactly: no file is that large. */
  readCount(what: string): number {
    const at = this.#take(8, what);
    const high = this.#window.readUInt32LE(at + 4);
    if (high > 0x1f_ffff) refuse(`${what} is ${this.#window.readBigUInt64LE(at)}, more than any file can hold`);
    return high * TWO_TO_32 + this.#window.readUInt32LE(at);
  }

  /** The next bytes, valid until the next call; at most a window of them. */
  readBytes(length: number, what: string): Buffer {
    const at = this.#take(length, what);
    return this.#window.subarray(at, at + length);
  }

  /** A text that may be larger than the window. */
  readText(length: number, what: string): string {
    this.#demand(length, what);
    const text = Buffer.allocUnsafe(length);
    for (let done = 0; done < length; done += WINDOW_BYTES) {
      const piece = this.readBytes(Math.min(WINDOW_BYTES, length - done), what);
      piece.copy(text, done);
    }
    return text.toString('utf8');
  }

  skip(length: number, what: string): void {
    this.#demand(length, what);
    this.#position += length;
  }

  #demand(length: number, what: string): void {
    if (length <= this.remainingBytes) return;
    const bound = this.#endBytes < this.#source.totalBytes ? 'the largest header that is read' : 'the file';
    refuse(`${what} needs ${length} bytes at byte ${this.#position}, ${bound} ends at ${this.#endBytes}`);
  }

  /** Moves on by `length`; returns where these bytes begin in the window. */
  #take(length: number, what: string): number {
    let at = this.#position - this.#windowStart;
    if (at < 0 || at + length > this.#windowBytes) {
      this.#demand(length, what);
      this.#windowStart = this.#position;
      this.#windowBytes = this.#source.read(this.#window, this.#position);
      at = 0;
      if (this.#windowBytes < length) refuse(`${what} cannot be read: the file is shorter than its size says`);
    }
    this.#position += length;
    return at;
  }
}
