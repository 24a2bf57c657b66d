import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { PlinthError } from '../../../core/errors/index.ts';
import { openHttp } from '../http/index.ts';
import type { DownloadTarget, SourceRequest } from './source.ts';

const MAX_IDLE_ATTEMPTS = 4;
const FIRST_PAUSE_MS = 500;

export interface FileOrigin {
  readonly url: URL;
  readonly authorization?: string;
  /** What a refusal means there, where that says more than its status. */
  explain(status: number): string | undefined;
  readSha256(headers: IncomingHttpHeaders): string | undefined;
}

/** A failure after which the same request may succeed. */
class TemporaryFailure extends Error {}

/**
 * Downloads over HTTP, going on from held bytes by a range request (RFC 9110 14 and 13.1.5). A download that breaks off is continued,
 * up to four times in a row without a new byte; an address that cannot be reached at all fails at once.
 */
export async function downloadHttp(request: SourceRequest, origin: FileOrigin): Promise<void> {
  let heldBytes = -1;
  let pauseMs = FIRST_PAUSE_MS;
  for (let idleAttempts = 1; ; idleAttempts++) {
    try {
      await attempt(request, origin);
      return;
    } catch (error) {
      request.signal.throwIfAborted();
      if (request.target.heldBytes > heldBytes && heldBytes >= 0) idleAttempts = 1;
      if (!(error instanceof TemporaryFailure) || idleAttempts >= MAX_IDLE_ATTEMPTS) throw toPlainFailure(error, origin.url);
      pauseMs = idleAttempts === 1 ? FIRST_PAUSE_MS : pauseMs * 2;
      heldBytes = request.target.heldBytes;
    }
    await wait(pauseMs, undefined, { signal: request.signal });
  }
}

async function attempt(request: SourceRequest, origin: FileOrigin): Promise<void> {
  const { target } = request;
  const resumeBytes = target.isResumable ? target.heldBytes : 0;
  const { response, firstHeaders } = await openHttp({
    url: origin.url,
    headers: { 'user-agent': 'plinth', 'accept-encoding': 'identity', ...rangeHeaders(target, resumeBytes) },
    ...(origin.authorization === undefined ? {} : { authorization: origin.authorization }),
    environment: request.environment,
    signal: request.signal,
  });
  try {
    const fromBytes = checkStatus(response, resumeBytes, origin);
    const sha256 = origin.readSha256(firstHeaders);
    if (sha256 !== undefined) target.expectSha256(sha256);
    const tag = strongTag(response);
    const totalBytes = totalOf(response, fromBytes);
    await target.start({ fromBytes, ...(totalBytes === undefined ? {} : { totalBytes }), ...(tag === undefined ? {} : { tag }) });
    await copyBody(response, target);
    if (totalBytes !== undefined && target.heldBytes !== totalBytes) throw new TemporaryFailure('the connection ended early');
  } finally {
    response.destroy();
  }
}

function rangeHeaders(target: DownloadTarget, resumeBytes: number): Record<string, string> {
  if (resumeBytes === 0) return {};
  const condition = target.heldTag === undefined ? {} : { 'if-range': target.heldTag };
  return { range: `bytes=${resumeBytes}-`, ...condition };
}

/** Where the body begins in the file. */
function checkStatus(response: IncomingMessage, resumeBytes: number, origin: FileOrigin): number {
  const status = response.statusCode ?? 0;
  if (status === 200) return 0;
  if (status === 206) {
    const first = /^bytes (\d+)-/.exec(response.headers['content-range'] ?? '')?.[1];
    if (Number(first) !== resumeBytes) throw new Error(`${origin.url.host} sent another range than asked for`);
    return resumeBytes;
  }
  const meaning = origin.explain(status);
  const message = `${origin.url.host} answered ${status}${meaning === undefined ? '' : ` (${meaning})`}`;
  if (status === 408 || status === 429 || status >= 500) throw new TemporaryFailure(message);
  throw new Error(message);
}

function strongTag(response: IncomingMessage): string | undefined {
  const tag = response.headers.etag;
  return tag !== undefined && /^"[\x21\x23-\x7e]*"$/.test(tag) ? tag : undefined;
}

function totalOf(response: IncomingMessage, fromBytes: number): number | undefined {
  const length = response.headers['content-length'];
  return length !== undefined && /^\d{1,15}$/.test(length) ? fromBytes + Number(length) : undefined;
}

async function copyBody(response: IncomingMessage, target: DownloadTarget): Promise<void> {
  const chunks: AsyncIterator<unknown> = response[Symbol.asyncIterator]();
  for (;;) {
    const next = await chunks.next().catch((error: unknown) => {
      throw new TemporaryFailure(error instanceof Error ? `the connection broke: ${error.message}` : 'the connection broke');
    });
    if (next.done) return;
    if (next.value instanceof Uint8Array) await target.write(next.value);
  }
}

function toPlainFailure(error: unknown, url: URL): unknown {
  if (error instanceof PlinthError || !(error instanceof Error)) return error;
  // A connection that fails on all of a host's addresses says so in a list of errors and has no message of its own.
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return new Error(`${url.hostname} is not known here (${code})`);
  return error.message === '' || code.startsWith('E')
    ? new Error(`${url.host} cannot be reached (${code || 'unknown reason'})`)
    : error;
}
