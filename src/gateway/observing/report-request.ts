import { errorTable } from '../../core/errors/index.ts';
import type { Logger, Metrics } from '../../core/telemetry/index.ts';
import type { RequestRecord } from '../stage.ts';

/** One HTTP request after its end. */
export interface FinishedRequest {
  readonly requestId: string;
  readonly keyId: string;
  readonly method: string;
  /** The route's pattern, never the raw path. */
  readonly endpoint: string;
  /** The HTTP status that was sent. */
  readonly status: number;
  /** The last byte was handed to the connection. */
  readonly isComplete: boolean;
  readonly record: RequestRecord;
}

/** A request and what has become of it. */
export interface KeptRequest {
  readonly finished: FinishedRequest;
  /** As the failure has it, also where a stream had begun with 200. */
  readonly status: number;
  readonly totalMs: number;
  /** Unix milliseconds. */
  readonly endedAt: number;
}

/** Where requests are told of after their end. */
export interface ReportOptions {
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly receipts: { keep(kept: KeptRequest): void };
}

/** Writes the one log line of a request, counts it and keeps its receipt. Says nothing of what was asked or answered. */
export function createReportRequest({ metrics, logger, receipts }: ReportOptions): (finished: FinishedRequest) => void {
  return (finished) => {
    const { record, endpoint } = finished;
    const model = record.model ?? '';
    const totalMs = performance.now() - record.startedMs;
    const status = statusOf(finished);
    metrics.requests.inc({ endpoint, model, status: String(status) });
    metrics.requestSeconds.observe({ endpoint, model }, totalMs / 1000);
    receipts.keep({ finished, status, totalMs, endedAt: Date.now() });
    if (logger.isLevelEnabled('info')) logger.info(logLine(finished, { status, totalMs }), 'request');
  };
}

const LEAST_FAILURE = 400;

/** A stream that fails has sent 200 before; what counts is how it ended. Protocols differ in the status of a failure that they send. */
function statusOf(finished: FinishedRequest): number {
  if (!finished.isComplete) return errorTable.cancelled.status;
  const { failure } = finished.record;
  if (finished.status >= LEAST_FAILURE) return finished.status;
  return failure === undefined ? finished.status : errorTable[failure].status;
}

function logLine(finished: FinishedRequest, outcome: { status: number; totalMs: number }): Record<string, unknown> {
  const { record } = finished;
  const { usage, timings, firstEventMs } = record;
  return {
    id: finished.requestId,
    key: finished.keyId,
    method: finished.method,
    endpoint: finished.endpoint,
    model: record.model,
    version: record.version,
    arm: record.arm,
    status: outcome.status,
    error: record.failure,
    promptTokens: usage?.promptTokens,
    cachedTokens: usage?.cachedTokens,
    completionTokens: usage?.completionTokens,
    queueMs: round(timings?.queueMs),
    firstTokenMs: firstEventMs === undefined ? undefined : round(firstEventMs - record.startedMs),
    totalMs: round(outcome.totalMs),
  };
}

function round(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(ms * 10) / 10;
}
