import type { ErrorCode } from '../../core/errors/index.ts';
import type { ExecutionReport, RequestTimings } from '../../core/inference/index.ts';

/** How often something happened and how long it took in all. */
export interface Tally {
  count: number;
  ns: number;
}

/** Why requests fail, in Triton's words. */
export const failureReasons = ['REJECTED', 'CANCELED', 'BACKEND', 'OTHER'] as const;
export type FailureReason = (typeof failureReasons)[number];

/** What has been counted for one version of a model. */
export interface VersionCounts {
  readonly name: string;
  readonly version: string;
  /** Unix milliseconds. */
  lastInferenceMs: number;
  inferenceCount: number;
  executionCount: number;
  /** Requests that have no answer yet. */
  pending: number;
  readonly success: Tally;
  readonly fail: Tally;
  readonly queue: Tally;
  readonly computeInput: Tally;
  readonly computeInfer: Tally;
  readonly computeOutput: Tally;
  readonly cacheHit: Tally;
  readonly cacheMiss: Tally;
  readonly failures: Record<FailureReason, number>;
  readonly batches: Map<number, BatchCounts>;
}

/** Executions of batches of one size. */
export interface BatchCounts {
  readonly computeInput: Tally;
  readonly computeInfer: Tally;
  readonly computeOutput: Tally;
}

/** A request after its end. Without timings and failure its caller has left. */
export interface RequestOutcome {
  readonly totalMs: number;
  readonly timings: RequestTimings | undefined;
  readonly failure: ErrorCode | undefined;
  readonly cache: 'hit' | 'miss' | undefined;
  /** Unix milliseconds. */
  readonly nowMs: number;
}

const NS_PER_MS = 1_000_000;
const MOST_BATCH_SIZES = 4096;

const REJECTIONS: ReadonlySet<ErrorCode> = new Set([
  'queue_full',
  'queue_timeout',
  'too_many_requests',
  'model_not_ready',
  'model_unavailable',
  'draining',
]);
const ENGINE_FAILURES: ReadonlySet<ErrorCode> = new Set(['engine_failed', 'replica_lost']);

/** Counts of every version of every model since the start of the gateway, plain numbers that cost nothing until somebody looks. */
export class StatisticsBook {
  readonly #versions = new Map<string, Map<string, VersionCounts>>();

  /** The counts of one version, begun when there are none. */
  countsOf(name: string, version: string): VersionCounts {
    let versions = this.#versions.get(name);
    if (versions === undefined) {
      versions = new Map();
      this.#versions.set(name, versions);
    }
    let counts = versions.get(version);
    if (counts === undefined) {
      counts = newCounts(name, version);
      versions.set(version, counts);
    }
    return counts;
  }

  find(name: string, version: string): VersionCounts | undefined {
    return this.#versions.get(name)?.get(version);
  }

  all(): VersionCounts[] {
    return [...this.#versions.values()].flatMap((versions) => [...versions.values()]);
  }
}

/** Books a request that has ended. */
export function bookOutcome(counts: VersionCounts, outcome: RequestOutcome): void {
  const { timings, failure, totalMs, nowMs, cache } = outcome;
  if (failure !== undefined || timings === undefined) {
    add(counts.fail, totalMs);
    counts.failures[reasonOf(failure)] += 1;
    return;
  }
  counts.lastInferenceMs = nowMs;
  add(counts.success, totalMs);
  if (cache === 'hit') {
    add(counts.cacheHit, totalMs);
    return;
  }
  if (cache === 'miss') add(counts.cacheMiss, 0);
  add(counts.queue, timings.queueMs);
  const { execution } = timings;
  if (execution === undefined) bookGeneration(counts, timings);
  else bookExecution(counts, execution);
}

/** A generation is a batch of its own: its steps are shared with others, but its time is not cut into theirs. */
function bookGeneration(counts: VersionCounts, { prefillMs, decodeMs }: RequestTimings): void {
  counts.inferenceCount += 1;
  counts.executionCount += 1;
  add(counts.computeInput, 0);
  add(counts.computeInfer, prefillMs + decodeMs);
  add(counts.computeOutput, 0);
}

function bookExecution(counts: VersionCounts, execution: ExecutionReport): void {
  counts.inferenceCount += execution.ownRows;
  add(counts.computeInput, execution.inputMs);
  add(counts.computeInfer, execution.inferMs);
  add(counts.computeOutput, execution.outputMs);
  if (!execution.isLead) return;
  counts.executionCount += 1;
  let batch = counts.batches.get(execution.batchRows);
  if (batch === undefined) {
    if (counts.batches.size >= MOST_BATCH_SIZES) return;
    batch = { computeInput: newTally(), computeInfer: newTally(), computeOutput: newTally() };
    counts.batches.set(execution.batchRows, batch);
  }
  add(batch.computeInput, execution.inputMs);
  add(batch.computeInfer, execution.inferMs);
  add(batch.computeOutput, execution.outputMs);
}

function reasonOf(failure: ErrorCode | undefined): FailureReason {
  if (failure === undefined || failure === 'cancelled') return 'CANCELED';
  if (REJECTIONS.has(failure)) return 'REJECTED';
  return ENGINE_FAILURES.has(failure) ? 'BACKEND' : 'OTHER';
}

function add(tally: Tally, ms: number): void {
  tally.count += 1;
  tally.ns += Math.round(ms * NS_PER_MS);
}

function newTally(): Tally {
  return { count: 0, ns: 0 };
}

function newCounts(name: string, version: string): VersionCounts {
  return {
    name,
    version,
    lastInferenceMs: 0,
    inferenceCount: 0,
    executionCount: 0,
    pending: 0,
    success: newTally(),
    fail: newTally(),
    queue: newTally(),
    computeInput: newTally(),
    computeInfer: newTally(),
    computeOutput: newTally(),
    cacheHit: newTally(),
    cacheMiss: newTally(),
    failures: { REJECTED: 0, CANCELED: 0, BACKEND: 0, OTHER: 0 },
    batches: new Map(),
  };
}
