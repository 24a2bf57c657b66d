import { createConnection, type Socket } from 'node:net';

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const HEAD_BYTES = 9;
const LARGEST_FRAME = 16_384;
const LARGEST_WINDOW = 2 ** 31 - 1;
const FIRST_WINDOW = 65_535;

const DATA = 0;
const HEADERS = 1;
const SETTINGS = 4;
const PING = 6;
const GO_AWAY = 7;
const WINDOW_UPDATE = 8;
const END_STREAM = 1;
const END_HEADERS = 4;
const ACKNOWLEDGED = 1;
const INITIAL_WINDOW_SIZE = 4;

export interface RpcTarget {
  readonly host: string;
  readonly port: number;
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * One HTTP/2 connection with one unary call at a time (RFC 9113), no more than a server needs to see a gRPC client. The header block is
 * the same for every call and names nothing from tables, and that of the answer is not read: a call succeeded when its answer has
 * a message. So it costs a fraction of any server it measures.
 */
export class RpcConnection {
  readonly #socket: Socket;
  readonly #headers: Buffer;
  readonly #message: Buffer;
  #rest: Buffer = Buffer.alloc(0);
  #stream = -1;
  #window = FIRST_WINDOW;
  #streamWindow = FIRST_WINDOW;
  #received = 0;
  #taken = 0;
  #pending = false;
  #onEnd: ((bytes: number) => void) | undefined;

  constructor(target: RpcTarget, message: Uint8Array) {
    this.#headers = formatHeaders(target);
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(message.length, 1);
    this.#message = Buffer.concat([prefix, message]);
    if (this.#message.length > FIRST_WINDOW)
      throw new RangeError(`a message of ${message.length} bytes; at most ${FIRST_WINDOW - 5}`);
    this.#socket = createConnection({ host: target.host, port: target.port, noDelay: true });
    this.#socket.on('data', (data) => this.#read(data));
    this.#socket.on('error', () => undefined);
    this.#socket.on('close', () => this.#finish(0));
  }

  async open(): Promise<void> {
    await new Promise((resolve, reject) => this.#socket.once('connect', resolve).once('error', reject));
    const windows = Buffer.alloc(6);
    windows.writeUInt16BE(INITIAL_WINDOW_SIZE, 0);
    windows.writeUInt32BE(LARGEST_WINDOW, 2);
    this.#socket.write(
      Buffer.concat([Buffer.from(PREFACE), frame(SETTINGS, 0, 0, windows), this.#widen(LARGEST_WINDOW - FIRST_WINDOW)]),
    );
  }

  /** `onEnd` gets the bytes of the answer's messages, prefixes included; 0 when the call failed. */
  call(onEnd: (bytes: number) => void): void {
    this.#onEnd = onEnd;
    this.#stream += 2;
    this.#received = 0;
    this.#pending = true;
    this.#send();
  }

  close(): void {
    this.#onEnd = undefined;
    this.#socket.destroy();
  }

  /** The whole call is written at once, as soon as the connection's window has room for it. */
  #send(): void {
    if (!this.#pending || this.#window < this.#message.length || this.#streamWindow < this.#message.length) return;
    this.#pending = false;
    this.#window -= this.#message.length;
    const pieces = [frame(HEADERS, END_HEADERS, this.#stream, this.#headers)];
    for (let at = 0; at < this.#message.length; at += LARGEST_FRAME) {
      const isLast = at + LARGEST_FRAME >= this.#message.length;
      pieces.push(frame(DATA, isLast ? END_STREAM : 0, this.#stream, this.#message.subarray(at, at + LARGEST_FRAME)));
    }
    this.#socket.write(Buffer.concat(pieces));
  }

  #read(data: Buffer): void {
    const buffer = this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data]);
    let at = 0;
    while (buffer.length - at >= HEAD_BYTES) {
      const length = buffer.readUIntBE(at, 3);
      if (buffer.length - at < HEAD_BYTES + length) break;
      const payload = buffer.subarray(at + HEAD_BYTES, at + HEAD_BYTES + length);
      this.#take({ type: buffer[at + 3] ?? 0, flags: buffer[at + 4] ?? 0, stream: buffer.readUInt32BE(at + 5), payload });
      at += HEAD_BYTES + length;
    }
    this.#rest = buffer.subarray(at);
  }

  #take({ type, flags, stream, payload }: Frame): void {
    if (type === DATA) this.#count(payload.length);
    if ((type === DATA || type === HEADERS) && (flags & END_STREAM) !== 0 && stream === this.#stream)
      this.#finish(this.#received);
    if (type === WINDOW_UPDATE && stream === 0) {
      this.#window += payload.readUInt32BE(0);
      this.#send();
    }
    if (type === SETTINGS && (flags & ACKNOWLEDGED) === 0) this.#settle(payload);
    if (type === PING && (flags & ACKNOWLEDGED) === 0) this.#socket.write(frame(PING, ACKNOWLEDGED, 0, payload));
    if (type === GO_AWAY) this.#socket.destroy();
  }

  #settle(payload: Buffer): void {
    for (let at = 0; at + 6 <= payload.length; at += 6) {
      if (payload.readUInt16BE(at) === INITIAL_WINDOW_SIZE) this.#streamWindow = payload.readUInt32BE(at + 2);
    }
    this.#socket.write(frame(SETTINGS, ACKNOWLEDGED, 0, Buffer.alloc(0)));
    this.#send();
  }

  #count(bytes: number): void {
    this.#received += bytes;
    this.#taken += bytes;
    if (this.#taken < LARGEST_WINDOW / 2) return;
    this.#socket.write(this.#widen(this.#taken));
    this.#taken = 0;
  }

  #widen(bytes: number): Buffer {
    const size = Buffer.alloc(4);
    size.writeUInt32BE(bytes);
    return frame(WINDOW_UPDATE, 0, 0, size);
  }

  #finish(bytes: number): void {
    const onEnd = this.#onEnd;
    this.#onEnd = undefined;
    onEnd?.(bytes);
  }
}

interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

function frame(...[type, flags, stream, payload]: [type: number, flags: number, stream: number, payload: Buffer]): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Literal fields that are not put into the table (RFC 7541, 6.2.2). */
function formatHeaders({ host, port, path, headers }: RpcTarget): Buffer {
  const fields = {
    ':method': 'POST',
    ':scheme': 'http',
    ':path': path,
    ':authority': `${host}:${port}`,
    te: 'trailers',
    'content-type': 'application/grpc',
    ...headers,
  };
  return Buffer.concat(Object.entries(fields).flatMap(([name, value]) => [Buffer.of(0), formatText(name), formatText(value)]));
}

/** Length in a prefix of seven bits (RFC 7541, 5.1), then the plain text. */
function formatText(text: string): Buffer {
  const bytes = Buffer.from(text);
  const length = [];
  if (bytes.length < 127) length.push(bytes.length);
  else {
    length.push(127);
    let rest = bytes.length - 127;
    for (; rest >= 128; rest >>= 7) length.push((rest & 127) | 128);
    length.push(rest);
  }
  return Buffer.concat([Buffer.from(length), bytes]);
}
