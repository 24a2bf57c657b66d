import { PlinthError, type ErrorCode, type ErrorFacts } from '../../../core/errors/index.ts';
import { errorAnswer } from './wire-shapes.ts';

const LONGEST_SHOWN = 300;
const LONGEST_RETRY_MS = 120_000;
/** What an upstream of this product says in so many words. */
const KEPT_CODES: ReadonlySet<string> = new Set<ErrorCode>([
  'context_length_exceeded',
  'unsupported_schema',
  'unsupported_capability',
]);

/** An upstream's refusal: status, headers and as much of the body as was read. `secret` is never repeated. */
export interface Refusal {
  readonly model: string;
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
  readonly secret: string | undefined;
}

/** An upstream's refusal in own words. Only what it says about the request itself is passed on. */
export function failureOfRefusal(refusal: Refusal): ErrorFacts {
  const { model, status, headers } = refusal;
  if (status === 429 || status === 503) {
    const retryAfterMs = retryAfterMsOf(headers);
    const message = `The upstream of the model '${model}' takes no more requests at the moment.`;
    return { code: 'queue_full', message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  }
  if (status === 401 || status === 402 || status === 403)
    return { code: 'model_unavailable', message: `The upstream of the model '${model}' does not let this gateway in.` };
  if (status === 408 || status >= 500)
    return { code: 'engine_failed', message: `The upstream of the model '${model}' failed (status ${status}).` };
  if (isAboutRequest(status)) return failureOfRequest(refusal);
  return { code: 'model_unavailable', message: `The upstream of the model '${model}' cannot be used (status ${status}).` };
}

/** Whether a refusal says something of the request itself: only then its body is worth waiting for. */
export function isAboutRequest(status: number): boolean {
  return status === 400 || status === 413 || status === 422;
}

/** An error in the middle of an upstream's stream; undefined when `data` is none. */
export function failureInStream(data: unknown, model: string): ErrorFacts | undefined {
  if (typeof data !== 'object' || data === null || !('error' in data) || data.error === null) return undefined;
  const { code } = wordsOf(data);
  if (code === 'deadline_exceeded') return { code, message: 'The answer was not complete before its deadline.' };
  return { code: 'engine_failed', message: `The upstream of the model '${model}' failed while it answered.` };
}

/** An answer that makes no sense. The words themselves stay untold. */
export function unreadable(what: string): PlinthError {
  return new PlinthError({ code: 'engine_failed', message: `The upstream of the model answered with ${what}.` });
}

function failureOfRequest({ model, body, secret }: Refusal): ErrorFacts {
  const { message, code } = wordsOf(parse(body));
  const kept = KEPT_CODES.has(code) ? (code as ErrorCode) : 'invalid_request';
  const said = message === '' ? '' : ` It said: ${clean(message, secret)}`;
  return { code: kept, message: `The upstream of the model '${model}' refused the request.${said}` };
}

function wordsOf(body: unknown): { readonly message: string; readonly code: string } {
  const { data } = errorAnswer.safeParse(body);
  if (data === undefined) return { message: '', code: '' };
  if (typeof data.error === 'string') return { message: data.error, code: '' };
  return { message: data.error.message ?? '', code: String(data.error.code ?? '') };
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return undefined;
  }
}

function clean(message: string, secret: string | undefined): string {
  const plain = message.replaceAll(/[\p{Cc}\p{Cf}]+/gu, ' ');
  const told = secret === undefined ? plain : plain.replaceAll(secret, '…');
  return told.length > LONGEST_SHOWN ? `${told.slice(0, LONGEST_SHOWN)}…` : told;
}

/** `retry-after-ms`, or `retry-after` in seconds; dates are passed over. */
function retryAfterMsOf(headers: Headers): number | undefined {
  const ms = Number(headers.get('retry-after-ms') ?? Number.NaN);
  const seconds = Number(headers.get('retry-after') ?? Number.NaN);
  const found = Number.isFinite(ms) ? ms : seconds * 1000;
  return Number.isFinite(found) && found > 0 ? Math.min(Math.ceil(found), LONGEST_RETRY_MS) : undefined;
}
