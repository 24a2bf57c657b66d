import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ErrorFacts } from '../../core/errors/index.ts';

/** How an error is put into bytes; the OpenAI protocol's way. */
export type FormatError = (facts: ErrorFacts) => {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

const BY_CODE: Readonly<Record<string, ErrorFacts>> = {
  HPE_HEADER_OVERFLOW: { code: 'headers_too_large', message: 'The header block is larger than this server accepts.' },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: { code: 'body_too_large', message: 'The chunk extensions are larger than this server accepts.' },
  ERR_HTTP_REQUEST_TIMEOUT: { code: 'request_timeout', message: 'The request was not complete in time.' },
};

const MALFORMED: ErrorFacts = { code: 'invalid_request', message: 'This is not valid HTTP/1.1.' };

export interface ClientErrorOptions {
  readonly formatError: FormatError;
  readonly newRequestId: () => string;
  /** Counts the refusal. */
  readonly onRefused: (facts: ErrorFacts) => void;
}

/** Answers bytes that are no request, in as far as the connection can still carry an answer, and closes it. */
export function answerClientError(error: Error, socket: Duplex, options: ClientErrorOptions): void {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (code === 'ECONNRESET' || !socket.writable || hasAnswerUnderWay(socket)) {
    socket.destroy();
    return;
  }
  const facts = BY_CODE[code] ?? MALFORMED;
  options.onRefused(facts);
  const { status, headers, body } = options.formatError(facts);
  const lines = Object.entries({
    ...headers,
    'x-request-id': options.newRequestId(),
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Error'}\r\n${lines.join('')}\r\n${body}`);
  destroySoon(socket);
}

const LINGER_MS = 500;

/** A client that never closes its end must not keep the connection. */
function destroySoon(socket: Duplex): void {
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(timer));
}

/** `_httpMessage` is where node:http keeps the answer that a socket is busy with; its own default does the same check. */
function hasAnswerUnderWay(socket: Duplex): boolean {
  const answer: unknown = Reflect.get(socket, '_httpMessage');
  return typeof answer === 'object' && answer !== null && Reflect.get(answer, 'headersSent') === true;
}
