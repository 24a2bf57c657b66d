/** Of a field with a length; nothing is written for an empty one. */
export function fieldLength(length: number): number {
  return length === 0 ? 0 : 1 + varintLength(length) + length;
}

/** Of a whole number from 0 to 2^53. */
export function varintLength(value: number): number {
  let length = 1;
  for (let left = value; left > 127; left = Math.floor(left / 128)) length += 1;
  return length;
}

/** Fields of a message of known length, one after the other. */
export class MessageWriter {
  readonly bytes: Buffer;
  #at = 0;

  constructor(length: number) {
    this.bytes = Buffer.allocUnsafe(length);
  }

  /** Of a field with a length: text, bytes, messages, packed numbers. */
  head(field: number, length: number): void {
    this.bytes[this.#at++] = (field << 3) | 2;
    this.varint(length);
  }

  /** `length` in UTF-8. */
  text(field: number, value: string, length: number): void {
    this.head(field, length);
    this.bytes.write(value, this.#at, 'utf8');
    this.#at += length;
  }

  /** As {@link text}; an empty one is left out, which means the same. */
  optionalText(field: number, value: string, length: number): void {
    if (length > 0) this.text(field, value, length);
  }

  raw(bytes: Uint8Array): void {
    this.bytes.set(bytes, this.#at);
    this.#at += bytes.byteLength;
  }

  varint(value: number): void {
    let left = value;
    for (; left > 127; left = Math.floor(left / 128)) this.bytes[this.#at++] = (left % 128) | 128;
    this.bytes[this.#at++] = left;
  }
}
