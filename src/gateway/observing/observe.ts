import type { ErrorCode } from '../../core/errors/index.ts';
import type { InferenceEvent, InferenceRequest } from '../../core/inference/index.ts';
import type { Metrics } from '../../core/telemetry/index.ts';
import type { NextStage, RequestRecord, StageCall } from '../stage.ts';
import { ObservedStream, type StreamObserver } from './observed-stream.ts';
import { bookOutcome, type StatisticsBook, type VersionCounts } from './statistics-book.ts';

/** Failures that mean that no work was done. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set(['queue_full', 'queue_timeout', 'model_not_ready', 'draining']);

/** The stage that measures: first token, gaps, tokens, queue, requests in work, refusals. */
export function createObserve(metrics: Metrics, book: StatisticsBook) {
  return function observe(request: InferenceRequest, call: StageCall, next: NextStage): AsyncIterable<InferenceEvent> {
    const model = call.model?.name ?? '';
    const counts = book.countsOf(model, call.model?.version ?? '');
    call.record.model = model;
    return new ObservedStream(next(request, call), new RecordingObserver(call, metrics, counts));
  };
}

class RecordingObserver implements StreamObserver {
  readonly #record: RequestRecord;
  readonly #isFolded: boolean;
  readonly #metrics: Metrics;
  readonly #counts: VersionCounts;

  constructor(call: StageCall, metrics: Metrics, counts: VersionCounts) {
    this.#record = call.record;
    this.#isFolded = call.isFolded === true;
    this.#metrics = metrics;
    this.#counts = counts;
    counts.pending += 1;
    metrics.requestsInWork.inc({ model: counts.name });
  }

  onEvent(event: InferenceEvent): void {
    switch (event.type) {
      case 'usage-report':
        this.#record.usage = event.usage;
        return;
      case 'finished':
        this.#record.timings = event.timings;
        return;
      case 'failed':
        this.#record.failure = event.error.code;
        if (this.#record.deltas === 0 && REFUSALS.has(event.error.code)) this.#metrics.refusals.inc({ reason: event.error.code });
        break;
      default:
    }
  }

  onEnd(): void {
    const { usage, timings, failure, cache, startedMs } = this.#record;
    const model = this.#counts.name;
    this.#counts.pending -= 1;
    bookOutcome(this.#counts, { totalMs: performance.now() - startedMs, timings, failure, cache, nowMs: Date.now() });
    this.#metrics.requestsInWork.dec({ model });
    if (timings !== undefined) this.#metrics.queueSeconds.observe({ model }, timings.queueMs / 1000);
    if (usage !== undefined) {
      this.#metrics.tokens.inc({ model, kind: 'prompt' }, usage.promptTokens);
      this.#metrics.tokens.inc({ model, kind: 'cached' }, usage.cachedTokens);
      this.#metrics.tokens.inc({ model, kind: 'completion' }, usage.completionTokens);
    }
    const { firstTokenMs, gapMs } = this.#isFolded ? measuredByWorker(this.#record) : measuredHere(this.#record);
    if (firstTokenMs !== undefined) this.#metrics.timeToFirstToken.observe({ model }, firstTokenMs / 1000);
    if (gapMs !== undefined) this.#metrics.interTokenSeconds.observe({ model }, gapMs / 1000);
  }
}

const OUTPUT_EVENTS: ReadonlySet<InferenceEvent['type']> = new Set([
  'text-delta',
  'tool-call-delta',
  'embedding',
  'score',
  'classification',
  'object-found',
  'text-found',
  'transcript-segment',
  'response-finished',
]);

/** Notes when output came from an engine; to be called the moment it does. */
export function recordOutput({ record }: StageCall, event: InferenceEvent): void {
  if (!OUTPUT_EVENTS.has(event.type)) return;
  const nowMs = performance.now();
  record.deltas += 1;
  record.lastEventMs = nowMs;
  record.firstEventMs ??= nowMs;
}

interface TokenTimes {
  readonly firstTokenMs: number | undefined;
  readonly gapMs: number | undefined;
}

function measuredHere({ startedMs, firstEventMs, lastEventMs, deltas }: RequestRecord): TokenTimes {
  if (firstEventMs === undefined || lastEventMs === undefined) return { firstTokenMs: undefined, gapMs: undefined };
  return { firstTokenMs: firstEventMs - startedMs, gapMs: deltas < 2 ? undefined : (lastEventMs - firstEventMs) / (deltas - 1) };
}

/** The pieces of a folded answer come together at its end and tell nothing. */
function measuredByWorker({ timings, usage }: RequestRecord): TokenTimes {
  if (timings === undefined || usage === undefined || usage.completionTokens === 0)
    return { firstTokenMs: undefined, gapMs: undefined };
  const gapMs = usage.completionTokens < 2 ? undefined : timings.decodeMs / (usage.completionTokens - 1);
  return { firstTokenMs: timings.queueMs + timings.prefillMs, gapMs };
}
