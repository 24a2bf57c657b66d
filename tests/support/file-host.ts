import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';

/** A file on offer, and how badly it is served. */
export interface HostedFile {
  content: Buffer;
  etag?: string;
  /** The connection breaks after so many bytes of an answer, until this many answers were broken. */
  breaks?: { readonly afterBytes: number; times: number };
  /** A pause after every 64 KiB. */
  pauseMs?: number;
  ignoresRange?: boolean;
  /** Answered instead of the file. */
  status?: number;
  /** Where it is instead. */
  location?: string;
  headers?: Record<string, string>;
}

export interface SeenRequest {
  readonly path: string;
  readonly range: string | undefined;
  readonly authorization: string | undefined;
}

/** A web host of files by their path, on a free port of this machine. */
export interface FileHost {
  readonly url: string;
  readonly files: Map<string, HostedFile>;
  readonly requests: SeenRequest[];
  close(): Promise<void>;
}

const CHUNK_BYTES = 64 * 1024;

export async function startFileHost(): Promise<FileHost> {
  const files = new Map<string, HostedFile>();
  const requests: SeenRequest[] = [];
  const listener = createServer((request, response) => {
    const path = decodeURIComponent((request.url ?? '/').replace(/\?.*$/, ''));
    requests.push({ path, range: request.headers.range, authorization: request.headers.authorization });
    const file = files.get(path);
    void answer(file ?? { content: Buffer.alloc(0), status: 404 }, request, response);
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const address = listener.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    files,
    requests,
    close: () =>
      new Promise((resolve) => {
        listener.close(() => resolve());
        listener.closeAllConnections();
      }),
  };
}

async function answer(file: HostedFile, request: IncomingMessage, response: ServerResponse): Promise<void> {
  for (const [name, value] of Object.entries(file.headers ?? {})) response.setHeader(name, value);
  if (file.location !== undefined) return void response.writeHead(302, { location: file.location }).end();
  if (file.status !== undefined) return void response.writeHead(file.status).end();
  if (file.etag !== undefined) response.setHeader('etag', file.etag);
  const from = rangeStart(file, request);
  const body = file.content.subarray(from);
  response.setHeader('content-length', body.length);
  if (from > 0) response.setHeader('content-range', `bytes ${from}-${file.content.length - 1}/${file.content.length}`);
  response.writeHead(from > 0 ? 206 : 200);
  const breakAt = file.breaks !== undefined && file.breaks.times > 0 ? file.breaks.afterBytes : Infinity;
  if (file.breaks !== undefined) file.breaks.times--;
  for (let sent = 0; sent < body.length && !response.destroyed; sent += CHUNK_BYTES) {
    if (sent >= breakAt) return void response.destroy();
    await new Promise((resolve) => response.write(body.subarray(sent, sent + CHUNK_BYTES), resolve));
    if (file.pauseMs !== undefined) await wait(file.pauseMs);
  }
  response.end();
}

function rangeStart(file: HostedFile, request: IncomingMessage): number {
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  const condition = request.headers['if-range'];
  const isOther = condition !== undefined && condition !== file.etag;
  return file.ignoresRange || isOther ? 0 : start;
}
