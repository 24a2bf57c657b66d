import type { ErrorCode } from '../../core/errors/index.ts';
import { workerTokenTimes, type InferenceEvent, type InferenceRequest, type TokenTimes } from '../../core/inference/index.ts';
import { outcomeOf } from '../../core/messages/index.ts';
import type { Metrics } from '../../core/telemetry/index.ts';
import type { NextStage, RequestRecord, StageCall } from '../stage.ts';
import type { Gatherer, GatherEvidence } from './gather-evidence.ts';
import { ObservedStream, type StreamObserver } from './observed-stream.ts';
import { bookOutcome, type StatisticsBook, type VersionCounts } from './statistics-book.ts';

/** Failures that mean that no work was done. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set(['queue_full', 'queue_timeout', 'model_not_ready', 'draining']);

/** Where measurements go; `gather` is asked about every request, and absent where nobody compares versions. */
export interface ObserveOptions {
  readonly metrics: Metrics;
  readonly statistics: StatisticsBook;
  readonly gather?: GatherEvidence | undefined;
}

/**
 * The stage that measures: first token, gaps, tokens, queue, requests in work, refusals. Copies and requests from inside are booked as
 * work of their version; the metrics are of callers.
 */
export function createObserve({ metrics, statistics, gather }: ObserveOptions) {
  return function observe(request: InferenceRequest, call: StageCall, next: NextStage): AsyncIterable<InferenceEvent> {
    const { record, model, route } = call;
    const counts = statistics.countsOf(model?.name ?? '', model?.version ?? '');
    record.model = counts.name;
    record.version = counts.version;
    record.arm = route?.arm;
    const gatherer = gather?.(request, call);
    const events = next(request, call);
    return new ObservedStream(events, new RecordingObserver({ call, metrics, counts, gatherer }));
  };
}

interface Observed {
  readonly call: StageCall;
  readonly metrics: Metrics;
  readonly counts: VersionCounts;
  readonly gatherer: Gatherer | undefined;
}

class RecordingObserver implements StreamObserver {
  readonly #observed: Observed;
  readonly #record: RequestRecord;
  readonly #isCallers: boolean;

  constructor(observed: Observed) {
    const { call, metrics, counts } = observed;
    this.#observed = observed;
    this.#record = call.record;
    this.#isCallers = (call.origin ?? 'caller') === 'caller';
    counts.pending += 1;
    if (this.#isCallers) metrics.requestsInWork.inc({ model: counts.name });
  }

  onEvent(event: InferenceEvent): void {
    switch (event.type) {
      case 'usage-report':
        this.#record.usage = event.usage;
        break;
      case 'finished':
        this.#record.timings = event.timings;
        break;
      case 'failed':
        this.#record.failure = event.error.code;
        this.#countRefusal(event.error.code);
        break;
      default:
    }
    this.#observed.gatherer?.onEvent(event);
  }

  onEnd(): void {
    const { counts, gatherer, call } = this.#observed;
    const { timings, failure, cache, startedMs } = this.#record;
    const totalMs = performance.now() - startedMs;
    counts.pending -= 1;
    bookOutcome(counts, { totalMs, timings, failure, cache, nowMs: Date.now() });
    if (!this.#isCallers) return;
    const times = call.isFolded === true ? workerTokenTimes(timings, this.#record.usage) : measuredHere(this.#record);
    this.#measure(times);
    if (call.hasSiblings === true || call.route?.by === 'fallback') this.#measureVersion(times, totalMs);
    gatherer?.onEnd({ totalMs, times });
  }

  #countRefusal(code: ErrorCode): void {
    const { metrics, call } = this.#observed;
    if (!this.#isCallers || this.#record.deltas > 0 || call.hasElsewhere === true) return;
    if (REFUSALS.has(code)) metrics.refusals.inc({ reason: code });
  }

  #measure({ firstTokenMs, gapMs }: TokenTimes): void {
    const { metrics, counts } = this.#observed;
    const { usage, timings } = this.#record;
    const model = counts.name;
    metrics.requestsInWork.dec({ model });
    if (timings !== undefined) metrics.queueSeconds.observe({ model }, timings.queueMs / 1000);
    if (usage !== undefined) {
      metrics.tokens.inc({ model, kind: 'prompt' }, usage.promptTokens);
      metrics.tokens.inc({ model, kind: 'cached' }, usage.cachedTokens);
      metrics.tokens.inc({ model, kind: 'completion' }, usage.completionTokens);
    }
    if (firstTokenMs !== undefined) metrics.timeToFirstToken.observe({ model }, firstTokenMs / 1000);
    if (gapMs !== undefined) metrics.interTokenSeconds.observe({ model }, gapMs / 1000);
  }

  /** Of models that have several versions, or whose requests go on to others. */
  #measureVersion({ firstTokenMs }: TokenTimes, totalMs: number): void {
    const { metrics, counts } = this.#observed;
    const { usage, timings, failure, arm = '' } = this.#record;
    const labels = { model: counts.name, version: counts.version };
    const outcome = timings === undefined ? outcomeOf(failure ?? 'cancelled') : 'ok';
    metrics.versionRequests.inc({ ...labels, arm, outcome });
    metrics.versionSeconds.observe(labels, totalMs / 1000);
    if (firstTokenMs !== undefined) metrics.versionTimeToFirstToken.observe(labels, firstTokenMs / 1000);
    if (usage === undefined) return;
    metrics.versionTokens.inc({ ...labels, kind: 'prompt' }, usage.promptTokens);
    metrics.versionTokens.inc({ ...labels, kind: 'cached' }, usage.cachedTokens);
    metrics.versionTokens.inc({ ...labels, kind: 'completion' }, usage.completionTokens);
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

export function measuredHere({ startedMs, firstEventMs, lastEventMs, deltas }: RequestRecord): TokenTimes {
  if (firstEventMs === undefined || lastEventMs === undefined) return {};
  const firstTokenMs = firstEventMs - startedMs;
  return deltas < 2 ? { firstTokenMs } : { firstTokenMs, gapMs: (lastEventMs - firstEventMs) / (deltas - 1) };
}
