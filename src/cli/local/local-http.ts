import { request as requestHttp, type IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
import { errorTable, PlinthError, type ErrorCode } from '../../core/errors/index.ts';
import type { RunningServe } from './run-file.ts';

export interface LocalRequest {
  readonly running: RunningServe;
  readonly port: 'inference' | 'management';
  readonly path: string;
  /** Sent as JSON with POST; GET when absent. */
  readonly body?: object;
  readonly signal?: AbortSignal;
}

const MAX_BODY_BYTES = 8 * 1024 * 1024;

/** Asks a serve of this machine. Throws its error as a PlinthError, `model_not_ready` when it cannot be reached. */
export async function requestLocal(request: LocalRequest): Promise<IncomingMessage> {
  const response = await open(request);
  const status = response.statusCode ?? 0;
  if (status >= 200 && status < 300) return response;
  throw readError(await readJson(response), status);
}

/** The same, read whole as JSON (at most 8 MiB); undefined when it is none. */
export async function fetchLocal(request: LocalRequest): Promise<unknown> {
  return readJson(await requestLocal(request));
}

function open({ running, port, path, body, signal }: LocalRequest): Promise<IncomingMessage> {
  const url = new URL(path, port === 'inference' ? running.url : running.managementUrl);
  const isSecure = url.protocol === 'https:';
  const payload = body === undefined ? undefined : JSON.stringify(body);
  const options = {
    method: payload === undefined ? 'GET' : 'POST',
    headers: {
      authorization: `Bearer ${running.token}`,
      ...(payload === undefined ? {} : { 'content-type': 'application/json' }),
    },
    agent: false as const,
    ...(signal === undefined ? {} : { signal }),
  };
  return new Promise((resolve, reject) => {
    // The certificate names the public host; this connection stays on the machine, and the token is worth nothing after this boot.
    const sent = isSecure ? requestHttps(url, { ...options, rejectUnauthorized: false }) : requestHttp(url, options);
    sent.on('response', resolve);
    sent.on('error', (error) => {
      reject(
        new PlinthError(
          { code: 'model_not_ready', message: `${url.origin} does not answer: ${error.message}` },
          { cause: error },
        ),
      );
    });
    sent.end(payload);
  });
}

async function readJson(response: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    if (!Buffer.isBuffer(chunk)) continue;
    bytes += chunk.byteLength;
    if (bytes > MAX_BODY_BYTES) throw new PlinthError({ code: 'internal_error', message: 'The answer is larger than expected.' });
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    return undefined;
  }
}

function readError(body: unknown, status: number): PlinthError {
  const error = isRecord(body) && isRecord(body['error']) ? body['error'] : {};
  const { code, message } = error;
  const known = typeof code === 'string' && Object.hasOwn(errorTable, code) ? (code as ErrorCode) : 'internal_error';
  return new PlinthError({
    code: known,
    message: typeof message === 'string' ? message : `The server answered with status ${status}.`,
  });
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
