import { errorTable, type ErrorFacts } from '../../../core/errors/index.ts';
import type { FinishReason, InferenceEvent, Usage } from '../../../core/inference/index.ts';

/** What all chunks of an answer, or its one body, begin with. Only the first word of an answer settles who gives it. */
export interface AnswerHead extends AnswerSource {
  readonly id: string;
  /** Unix seconds. */
  readonly created: number;
  readonly fingerprint: string;
}

/** Who answers. */
export interface AnswerSource {
  readonly model: string;
  /** Absent: `usage` does not tell. */
  readonly version?: string | undefined;
  readonly arm?: string | undefined;
}

/** Turns the events of one request into an answer: `take` all and ask for `toBody`, or send what `toChunks` says of each. */
export interface AnswerFormat {
  take(event: InferenceEvent): void;
  /** JSON text of the whole answer. */
  toBody(): string;
  /** Server-sent events; empty when the event puts nothing on the wire. */
  toChunks(event: InferenceEvent): string;
}

/** An HTTP answer that says what went wrong. */
export interface OpenAiErrorAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON text. */
  readonly body: string;
}

export const JSON_TYPE = 'application/json; charset=utf-8';
export const STREAM_END = 'data: [DONE]\n\n';
const DEFAULT_RETRY_AFTER_MS = 1000;

/** `{"error":{"message","type","param","code"}}`: all four keys, always. */
function formatErrorObject(facts: ErrorFacts): string {
  const { type } = errorTable[facts.code];
  return JSON.stringify({ error: { message: facts.message, type, param: facts.param ?? null, code: facts.code } });
}

/**
 * A failure as an OpenAI client expects it: status, headers and body. 429 and 503 say when to come back, in `retry-after` (whole
 * seconds, at least 1) and in `retry-after-ms`, which OpenAI's own clients read first.
 */
export function formatOpenAiError(facts: ErrorFacts): OpenAiErrorAnswer {
  const { status } = errorTable[facts.code];
  const headers: Record<string, string> = { 'content-type': JSON_TYPE };
  if (status === 429 || status === 503) {
    const waitMs = Math.max(1, Math.ceil(facts.retryAfterMs ?? DEFAULT_RETRY_AFTER_MS));
    headers['retry-after'] = String(Math.ceil(waitMs / 1000));
    headers['retry-after-ms'] = String(waitMs);
  }
  if (status === 401) headers['www-authenticate'] = 'Bearer';
  return { status, headers, body: formatErrorObject(facts) };
}

/** `"id":…,"object":…,"created":…,"model":…,"system_fingerprint":…`, without braces. */
export function formatHead(head: AnswerHead, object: string): string {
  const { id, created, model, fingerprint } = head;
  return `"id":"${id}","object":"${object}","created":${created},"model":${JSON.stringify(model)},"system_fingerprint":"${fingerprint}"`;
}

export function formatUsage(usage: Usage, source: AnswerSource): string {
  const { promptTokens, cachedTokens, completionTokens } = usage;
  const total = promptTokens + completionTokens;
  const promptDetails = `"prompt_tokens_details":{"cached_tokens":${cachedTokens},"audio_tokens":0}`;
  const completionDetails =
    '"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}';
  const counts = `"prompt_tokens":${promptTokens},"completion_tokens":${completionTokens},"total_tokens":${total}`;
  return `{${counts},${promptDetails},${completionDetails}${formatSource(source)}}`;
}

/** `,"plinth":{"version":"4","arm":"candidate"}`: an entry of `usage`; clients of OpenAI pass over what they do not know. */
export function formatSource({ version, arm }: AnswerSource): string {
  if (version === undefined) return '';
  const told = arm === undefined ? '' : `,"arm":${JSON.stringify(arm)}`;
  return `,"plinth":{"version":"${version}"${told}}`;
}

export function formatFailure(facts: ErrorFacts): string {
  return `data: ${formatErrorObject(facts)}\n\n`;
}

export const FINISH_REASONS: Readonly<Record<FinishReason, string>> = {
  stop: 'stop',
  length: 'length',
  'tool-calls': 'tool_calls',
};

/** JSON has no infinity; OpenAI writes this in its place. */
const IMPOSSIBLE = -9999;

export function formatLogprob(logprob: number | null): string {
  return logprob === null ? 'null' : String(Number.isFinite(logprob) ? logprob : IMPOSSIBLE);
}
