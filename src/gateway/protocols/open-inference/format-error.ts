import type { ErrorFacts } from '../../../core/errors/index.ts';
import { statusOf } from '../open-inference-tensors/index.ts';

export const JSON_TYPE = 'application/json';
const DEFAULT_RETRY_AFTER_MS = 1000;

/** A failure as an HTTP answer. */
interface OpenErrorAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON text. */
  readonly body: string;
}

/** `{"error":"…"}` with Triton's status. 429 and 503 say when to come back. */
export function formatOpenInferenceError(facts: ErrorFacts): OpenErrorAnswer {
  const { http: status } = statusOf(facts.code);
  const headers: Record<string, string> = { 'content-type': JSON_TYPE };
  if (status === 429 || status === 503)
    headers['retry-after'] = String(Math.ceil(Math.max(1, facts.retryAfterMs ?? DEFAULT_RETRY_AFTER_MS) / 1000));
  if (status === 401) headers['www-authenticate'] = 'Bearer';
  return { status, headers, body: JSON.stringify({ error: facts.message }) };
}

/** The text of an error inside a stream. */
export function formatErrorText(facts: ErrorFacts): string {
  return JSON.stringify({ error: facts.message });
}

const OTHERS = new Set(['rerank', 'embed', 'chat', 'classify', 'tokenize', 'detokenize']);

/** Whether a path belongs to Open Inference; a few below /v2 are other protocols'. */
export function isOpenInferencePath(path: string): boolean {
  if (path !== '/v2' && !path.startsWith('/v2/')) return false;
  return !OTHERS.has(path.split('/', 3)[2] ?? '');
}
