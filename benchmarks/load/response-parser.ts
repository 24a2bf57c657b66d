const HEAD_END = Buffer.from('\r\n\r\n');
const LINE_END = Buffer.from('\r\n');
const EMPTY = Buffer.alloc(0);

export interface ResponseSink {
  onBody(data: Buffer): void;
  onEnd(status: number): void;
}

/**
 * The least HTTP/1.1 response parser that is correct for servers that send a length or chunks (RFC 9112, 6.3 and 7.1), one response
 * after the other. It exists so that the load client costs a fraction of any server it measures.
 */
export class ResponseParser {
  readonly #sink: ResponseSink;
  #rest: Buffer = EMPTY;
  #phase: 'head' | 'length' | 'chunk-size' | 'chunk-data' | 'trailer' = 'head';
  #status = 0;
  #remaining = 0;

  constructor(sink: ResponseSink) {
    this.#sink = sink;
  }

  push(data: Buffer): void {
    let buffer = this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data]);
    this.#rest = EMPTY;
    while (buffer.length > 0) {
      const used = this.#read(buffer);
      if (used === 0) {
        this.#rest = buffer;
        return;
      }
      buffer = buffer.subarray(used);
    }
  }

  /** Reads one element from the front; returns its bytes, 0 when it is not complete yet. */
  #read(buffer: Buffer): number {
    if (this.#phase === 'head') return this.#readHead(buffer);
    if (this.#phase === 'length') return this.#readLength(buffer);
    if (this.#phase === 'chunk-data') return this.#readChunkData(buffer);
    return this.#readLine(buffer);
  }

  #readHead(buffer: Buffer): number {
    const end = buffer.indexOf(HEAD_END);
    if (end < 0) return 0;
    const head = buffer.toString('latin1', 0, end).toLowerCase();
    this.#status = Number(head.slice(9, 12));
    const lengthAt = head.indexOf('\r\ncontent-length:');
    if (head.includes('\r\ntransfer-encoding: chunked')) this.#phase = 'chunk-size';
    else {
      this.#remaining = lengthAt < 0 ? 0 : Number.parseInt(head.slice(lengthAt + 17), 10);
      this.#phase = 'length';
      if (this.#remaining === 0) this.#end();
    }
    return end + 4;
  }

  #readLength(buffer: Buffer): number {
    const taken = Math.min(this.#remaining, buffer.length);
    this.#sink.onBody(buffer.subarray(0, taken));
    this.#remaining -= taken;
    if (this.#remaining === 0) this.#end();
    return taken;
  }

  #readLine(buffer: Buffer): number {
    const end = buffer.indexOf(LINE_END);
    if (end < 0) return 0;
    if (this.#phase === 'trailer') {
      if (end === 0) this.#end();
      return end + 2;
    }
    this.#remaining = Number.parseInt(buffer.toString('latin1', 0, end), 16);
    this.#phase = this.#remaining === 0 ? 'trailer' : 'chunk-data';
    return end + 2;
  }

  /** `#remaining` counts the chunk's data; the line end after it must be there before the chunk is left. */
  #readChunkData(buffer: Buffer): number {
    if (this.#remaining > 0) {
      const taken = Math.min(this.#remaining, buffer.length);
      this.#sink.onBody(buffer.subarray(0, taken));
      this.#remaining -= taken;
      return taken;
    }
    if (buffer.length < 2) return 0;
    this.#phase = 'chunk-size';
    return 2;
  }

  #end(): void {
    this.#phase = 'head';
    this.#sink.onEnd(this.#status);
  }
}
