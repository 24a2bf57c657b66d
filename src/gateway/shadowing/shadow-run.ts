import { errorFactsOf, type ErrorCode } from '../../core/errors/index.ts';
import {
  asReferenceRequest,
  isTerminal,
  workerTokenTimes,
  type InferenceEvent,
  type InferenceRequest,
} from '../../core/inference/index.ts';
import { outcomeOf, type EvidenceSink, type SampledAnswer } from '../../core/messages/index.ts';
import type { ShadowOrder } from '../../core/traffic/index.ts';
import { beginRecord, type NextStage, type RequestRecord, type StageCall } from '../stage.ts';
import { AnswerCollector } from './answer-collector.ts';

/** How an answer may end that tells something of its version. */
const JUDGED: ReadonlySet<SampledAnswer['outcome']> = new Set(['ok', 'failed', 'timeout']);

/**
 * What became of a request that was chosen to be copied. `failed`: the candidate failed at it or was too late. `refused`: it was busy, not
 * there, or did not take it. `unfit`: the caller's own answer failed or came from the cache, or the request cannot be repeated.
 */
export type ShadowOutcome = 'compared' | 'failed' | 'over_budget' | 'too_large' | 'refused' | 'aborted' | 'unfit';

/** What can be told of an answer beside its events. */
export type LooksOf = (
  request: InferenceRequest,
  answer: Pick<SampledAnswer, 'outcome' | 'events'>,
) => Pick<SampledAnswer, 'isRefusal' | 'output'>;

export interface ShadowRunOptions {
  readonly request: InferenceRequest;
  readonly call: StageCall;
  readonly model: string;
  /** The one that answered the caller, and what it said. */
  readonly version: string;
  readonly events: readonly InferenceEvent[];
  /** When the caller had all of it, on `now`'s clock. */
  readonly endedMs: number;
  readonly order: ShadowOrder;
  readonly path: () => NextStage;
  readonly evidence: EvidenceSink;
  readonly looksOf: LooksOf;
  readonly mostBytes: number;
  readonly now: () => number;
  /** Of the second answer of the version that answered. */
  readonly seed: number;
  /** Aborts when the gateway closes. */
  readonly signal: AbortSignal;
}

/** Failures that say nothing of a candidate: it was not there, or busy, or the gateway is about to stop. */
const NOT_ASKED: ReadonlySet<ErrorCode> = new Set([
  'queue_full',
  'model_not_ready',
  'model_not_found',
  'version_not_found',
  'draining',
  'cancelled',
]);

/** One request on its way to the candidate, and then once more to the version that answered, one after the other. */
export class ShadowRun {
  readonly #options: ShadowRunOptions;

  constructor(options: ShadowRunOptions) {
    this.#options = options;
  }

  /** Never rejects. */
  async finish(): Promise<ShadowOutcome> {
    const { order, request, version, evidence, call, model, signal } = this.#options;
    try {
      const candidate = await this.#ask(request, order.to);
      if (signal.aborted) return 'aborted';
      if (candidate === undefined) return 'too_large';
      if (candidate.failure !== undefined && NOT_ASKED.has(candidate.failure)) return 'refused';
      const reference = order.reference === 'rerun' ? await this.#askAgain(version) : undefined;
      if (signal.aborted) return 'aborted';
      evidence.compare({
        requestId: call.requestId,
        model,
        purpose: order.purpose,
        request,
        current: this.#current(),
        ...(reference === undefined ? {} : { reference }),
        candidate,
      });
      if (candidate.outcome === 'ok') return 'compared';
      return JUDGED.has(candidate.outcome) ? 'failed' : 'refused';
    } catch {
      return 'aborted';
    }
  }

  #current(): SampledAnswer {
    const { version, events, call, endedMs, request, looksOf } = this.#options;
    const outcome = 'ok';
    const looks = looksOf(request, { outcome, events });
    return { version, outcome, totalMs: totalMsOf(call.record, endedMs), ...timesOf(events), ...looks, events };
  }

  /** Only a whole second answer is a measure. */
  async #askAgain(version: string): Promise<SampledAnswer | undefined> {
    const { request, seed } = this.#options;
    const answer = await this.#ask(asReferenceRequest(request, seed), version);
    // A second answer that failed counts too: a candidate that fails no more often is no worse.
    return answer !== undefined && JUDGED.has(answer.outcome) ? answer : undefined;
  }

  /** Undefined when the answer was too large. */
  async #ask(request: InferenceRequest, version: string): Promise<SampledAnswer | undefined> {
    const { call, model, now, path, looksOf, mostBytes, signal } = this.#options;
    const startedMs = now();
    const record = beginRecord(startedMs);
    const own: StageCall = {
      requestId: `${call.requestId}.shadow`,
      principal: call.principal,
      signal,
      deadlineMs: startedMs + request.timeLeftMs,
      record,
      isFolded: true,
      origin: 'shadow',
    };
    const collector = new AnswerCollector(mostBytes);
    let failure: ErrorCode | undefined;
    try {
      for await (const event of path()({ ...request, id: own.requestId, model, version }, own)) {
        collector.take(event);
        if (event.type === 'failed') failure = event.error.code;
        if (collector.isTooLarge) return undefined;
        if (isTerminal(event)) break;
      }
    } catch (thrown) {
      failure = errorFactsOf(thrown).code;
    }
    const { events } = collector;
    const told = failure === undefined ? { totalMs: totalMsOf(record, now()) } : { failure, totalMs: now() - startedMs };
    const outcome = outcomeOf(failure);
    return { version, outcome, ...told, ...timesOf(events), ...looksOf(request, { outcome, events }), events };
  }
}

/** Until the engine was done: how fast the caller reads is nothing of the version's. */
function totalMsOf({ startedMs, lastEventMs }: RequestRecord, endedMs: number): number {
  return (lastEventMs ?? endedMs) - startedMs;
}

function timesOf(events: readonly InferenceEvent[]): Pick<SampledAnswer, 'firstTokenMs' | 'gapMs'> {
  const usage = events.findLast((event) => event.type === 'usage-report')?.usage;
  const timings = events.findLast((event) => event.type === 'finished')?.timings;
  return workerTokenTimes(timings, usage);
}
