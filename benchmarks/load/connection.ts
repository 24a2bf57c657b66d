import { createConnection, type Socket } from 'node:net';
import { ResponseParser } from './response-parser.ts';

export interface Target {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Exchange {
  onBody?(data: Buffer): void;
  onEnd(status: number): void;
}

/** The bytes of a request; without a body it is a GET. A body is JSON unless the target's headers say otherwise. */
export function formatRequest(target: Target, body?: string | Uint8Array): Buffer {
  const headers = { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...target.headers };
  const content = Buffer.from(body ?? '');
  const lines = [
    `${body === undefined ? 'GET' : 'POST'} ${target.path} HTTP/1.1`,
    `host: ${target.host}:${target.port}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  if (body !== undefined) lines.push(`content-length: ${content.length}`);
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), content]);
}

/** One keep-alive connection with one exchange at a time. A lost connection ends its exchange with status 0 and is opened again. */
export class Connection {
  readonly #host: string;
  readonly #port: number;
  #socket: Socket | undefined;
  #exchange: Exchange | undefined;
  #isClosed = false;

  constructor(target: Pick<Target, 'host' | 'port'>) {
    this.#host = target.host;
    this.#port = target.port;
  }

  get isBusy(): boolean {
    return this.#exchange !== undefined;
  }

  /** Resolves when the connection stands; an exchange may also be sent before. */
  async open(): Promise<void> {
    const socket = this.#connect();
    if (socket.connecting) await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  }

  send(request: Buffer, exchange: Exchange): void {
    this.#exchange = exchange;
    this.#connect().write(request);
  }

  close(): void {
    this.#isClosed = true;
    this.#socket?.destroy();
  }

  #connect(): Socket {
    if (this.#socket !== undefined) return this.#socket;
    const socket = createConnection({ host: this.#host, port: this.#port, noDelay: true });
    const parser = new ResponseParser({
      onBody: (data) => this.#exchange?.onBody?.(data),
      onEnd: (status) => this.#finish(status),
    });
    socket.on('data', (data) => parser.push(data));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#socket = undefined;
      if (!this.#isClosed) this.#finish(0);
    });
    this.#socket = socket;
    return socket;
  }

  #finish(status: number): void {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    exchange?.onEnd(status);
  }
}
