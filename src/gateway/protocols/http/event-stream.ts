import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';

export interface EventStreamOptions {
  /** Asked for once, when the stream opens. */
  readonly headers: () => OutgoingHttpHeaders;
  readonly heartbeatMs: number;
  readonly stalledReaderMs: number;
  /** Called once, right before the headers are written. */
  readonly onOpen: () => void;
  /** Called once when the connection is lost, or cut because its reader stalled, before the stream has ended. */
  readonly onGone: () => void;
}

const HEARTBEAT = ': ping\n\n';
const LAST_CHUNK = '0\r\n\r\n';
const FLUSH_AT_CHARACTERS = 16_384;

/**
 * Server-sent events on a Node response. Texts written in one turn of the event loop leave in one write. The stream opens itself when
 * nothing was written for `heartbeatMs`. Writers must await {@link room} between writes.
 */
export class EventStream {
  readonly #response: ServerResponse;
  readonly #options: EventStreamOptions;
  readonly #heartbeat: NodeJS.Timeout;
  #stall: NodeJS.Timeout | undefined;
  #pending = '';
  #isFlushQueued = false;
  /** The headers promise chunked transfer coding (HTTP/1.1), and this class writes it. */
  #framesItself = false;
  #isOpen = false;
  #isEnded = false;
  #isClosed = false;
  #room: Promise<void> | undefined;
  #giveRoom: (() => void) | undefined;

  constructor(response: ServerResponse, options: EventStreamOptions) {
    this.#response = response;
    this.#options = options;
    this.#heartbeat = setTimeout(() => this.#beat(), options.heartbeatMs);
    response.once('close', () => this.#close());
    response.on('drain', () => this.#unblock());
    if (response.destroyed) queueMicrotask(() => this.#close());
  }

  /** Headers are on their way: an error can no longer be an HTTP error. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Nobody reads any more. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Settles when the client has taken enough to go on; absent when it has. */
  get room(): Promise<void> | undefined {
    return this.#room;
  }

  write(text: string): void {
    if (text === '' || this.#isClosed || this.#isEnded) return;
    this.#pending += text;
    if (this.#pending.length >= FLUSH_AT_CHARACTERS) this.#flush();
    else if (!this.#isFlushQueued) this.#queueFlush();
  }

  end(): void {
    if (this.#isClosed || this.#isEnded) return;
    this.#flush();
    this.#isEnded = true;
    clearTimeout(this.#heartbeat);
    this.#response.end(this.#framesItself ? LAST_CHUNK : undefined);
    this.#watchStall();
  }

  /** Gives the response back untouched; only before the stream has opened. */
  discard(): void {
    this.#isEnded = true;
    clearTimeout(this.#heartbeat);
  }

  #queueFlush(): void {
    this.#isFlushQueued = true;
    // Runs when every event that is there already has been taken: promise jobs come first.
    process.nextTick(() => {
      this.#isFlushQueued = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#pending === '' || this.#isClosed || this.#isEnded || this.#response.destroyed) return;
    if (!this.#isOpen) this.#open();
    const text = this.#pending;
    this.#pending = '';
    this.#heartbeat.refresh();
    if (!this.#response.write(this.#framesItself ? `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n` : text))
      this.#block();
  }

  #open(): void {
    this.#isOpen = true;
    this.#options.onOpen();
    this.#response.writeHead(200, this.#options.headers());
    this.#response.flushHeaders();
    // node:http puts a chunk's size, text and line ends into four buffers; one string instead costs a sixth less per token.
    this.#framesItself = this.#response.chunkedEncoding;
    this.#response.chunkedEncoding = false;
  }

  #beat(): void {
    if (this.#room === undefined) {
      this.#pending += HEARTBEAT;
      this.#flush();
    } else {
      this.#heartbeat.refresh();
    }
  }

  #block(): void {
    if (this.#room !== undefined) return;
    this.#room = new Promise((resolve) => {
      this.#giveRoom = resolve;
    });
    this.#watchStall();
  }

  #unblock(): void {
    clearTimeout(this.#stall);
    this.#room = undefined;
    this.#giveRoom?.();
    this.#giveRoom = undefined;
  }

  /** Ends the connection when the kernel took no byte for so long. */
  #watchStall(): void {
    if (this.#isClosed || this.#response.writableFinished) return;
    const waitingBytes = this.#response.writableLength;
    clearTimeout(this.#stall);
    this.#stall = setTimeout(() => {
      if (this.#response.writableLength < waitingBytes) this.#watchStall();
      else this.#response.destroy();
    }, this.#options.stalledReaderMs);
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#pending = '';
    clearTimeout(this.#heartbeat);
    this.#unblock();
    if (!this.#isEnded) this.#options.onGone();
  }
}
