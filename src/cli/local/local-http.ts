import { request as requestHttp, type IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
import { errorTable, PlinthError, type ErrorCode } from '../../core/errors/index.ts';

/** How a serve is reached: the bases of its two ports, and the key that opens both. */
export interface ServeAddress {
  readonly url: string;
  readonly managementUrl: string;
  readonly token: string;
  /** On another machine, or behind a name that its certificate has to prove. */
  readonly isRemote?: true;
}

export interface LocalRequest {
  readonly running: ServeAddress;
  readonly port: 'inference' | 'management';
  readonly path: string;
  /** Sent as JSON with POST; GET when absent. */
  readonly body?: object;
  readonly signal?: AbortSignal;
}

const MAX_BODY_BYTES = 64 * 1024 * 1024;
/** A management port that says nothing for so long will not; rehearsals tell of themselves every ten seconds. */
const SILENCE_MS = 120_000;

/** Asks a serve. Throws its error as a PlinthError whose cause is the body, `model_not_ready` when it cannot be reached. */
export async function requestLocal(request: LocalRequest): Promise<IncomingMessage> {
  const response = await open(request);
  const status = response.statusCode ?? 0;
  if (status >= 200 && status < 300) return response;
  throw readError(await readJson(response), status);
}

/** The same, read whole as JSON (at most 64 MiB); undefined when it is none. */
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
    ...(port === 'management' && { timeout: SILENCE_MS }),
    ...(signal === undefined ? {} : { signal }),
  };
  return new Promise((resolve, reject) => {
    // The certificate of a serve on this machine names its public host; the connection does not leave the machine.
    const rejectUnauthorized = running.isRemote === true;
    const sent = isSecure ? requestHttps(url, { ...options, rejectUnauthorized }) : requestHttp(url, options);
    sent.on('timeout', () => sent.destroy(new Error(`nothing came for ${SILENCE_MS / 1000} s`)));
    sent.on('response', resolve);
    sent.on('error', (error) => {
      reject(
        new PlinthError(
          { code: 'model_not_ready', message: `${url.origin} does not answer: ${reasonOf(error)}` },
          { cause: error },
        ),
      );
    });
    sent.end(payload);
  });
}

/** Errors of several addresses have no words of their own. */
function reasonOf(error: Error): string {
  if (error.message !== '') return error.message;
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
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
  const words = typeof message === 'string' ? message : `The server answered with status ${status}.`;
  return new PlinthError({ code: known, message: words }, { cause: body });
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
