import type { InferenceEvent, InferenceRequest, TerminalEvent } from '../../core/inference/index.ts';
import type { EvidenceSink, RoutedModel } from '../../core/messages/index.ts';
import type { ModelTraffic, ShadowOrder } from '../../core/traffic/index.ts';
import type { NextStage, StageCall } from '../stage.ts';
import { AnswerCollector } from './answer-collector.ts';
import { CollectedStream } from './collected-stream.ts';
import { ShadowBudget } from './shadow-budget.ts';
import { ShadowRun, type LooksOf, type ShadowOutcome } from './shadow-run.ts';

/** What shadowing needs, and its sources of chance and time. */
export interface ShadowOptions {
  /** The whole path from routing on, for the copies. */
  readonly path: () => NextStage;
  readonly evidence: EvidenceSink;
  /** What an answer looks like, beside its events. */
  readonly looksOf: LooksOf;
  readonly onOutcome: (shadow: { readonly model: string; readonly outcome: ShadowOutcome }) => void;
  /** Answers with more bytes are not compared. */
  readonly mostBytes?: number;
  /** 0 ≤ random < 1. */
  readonly random?: () => number;
  /** Monotonic milliseconds, the clock of `deadlineMs`. */
  readonly now?: () => number;
}

/** The shadowing of one gateway, over all models. */
export interface Shadow {
  stage(request: InferenceRequest, call: StageCall, next: NextStage): AsyncIterable<InferenceEvent>;
  /** Ends the copies under way; none begins any more. */
  close(): void;
}

const MOST_BYTES = 256 * 1024;

/**
 * The stage that lets a candidate answer copies of a share of requests, after the caller's answer is complete and within a budget of its
 * own. Nothing of it delays or fails the caller: what does not fit is dropped and counted.
 */
export function createShadow(options: ShadowOptions): Shadow {
  const shadows = new Shadows(options);
  return {
    stage(request, call, next) {
      const { traffic, model } = call;
      if (traffic?.shadow === undefined || model === undefined || !takesPart(model, traffic)) return next(request, call);
      // Stages refuse by throwing: then there is nothing to sample.
      const events = next(request, call);
      const tap = shadows.sample({ request, call, model, order: traffic.shadow });
      return tap === undefined ? events : tap(events);
    },
    close: () => shadows.close(),
  };
}

/** The candidate is compared with the versions that share the requests, and not with any other that somebody asked for. */
function takesPart({ version }: RoutedModel, { arms }: ModelTraffic): boolean {
  return arms.length === 0 || arms.some((arm) => arm.version === version);
}

interface Candidacy {
  readonly request: InferenceRequest;
  readonly call: StageCall;
  readonly model: RoutedModel;
  readonly order: ShadowOrder;
}

type Tap = (events: AsyncIterable<InferenceEvent>) => AsyncIterable<InferenceEvent>;

class Shadows {
  readonly #options: ShadowOptions;
  readonly #budgets = new Map<string, ShadowBudget>();
  readonly #abort = new AbortController();

  constructor(options: ShadowOptions) {
    this.#options = options;
  }

  close(): void {
    this.#abort.abort();
  }

  /** What collects the answer, where this request is to be copied. */
  sample(candidacy: Candidacy): Tap | undefined {
    const { request, call, model, order } = candidacy;
    const { random = Math.random, mostBytes = MOST_BYTES } = this.#options;
    if ((call.origin ?? 'caller') !== 'caller' || model.version === order.to || this.#abort.signal.aborted) return undefined;
    if (random() >= order.share) return undefined;
    if (request.kind === 'tensors' && request.sequence !== undefined) return this.#drop(model, 'unfit');
    const budget = this.#budgetOf(model.name);
    if (!budget.enterCollecting(order)) return this.#drop(model, 'over_budget');
    const collector = new AnswerCollector(mostBytes);
    return (events) =>
      new CollectedStream(events, collector, (last) => {
        budget.leaveCollecting();
        this.#begin(candidacy, collector, last);
      });
  }

  #begin(candidacy: Candidacy, collector: AnswerCollector, last: TerminalEvent | undefined): void {
    const { call, model, order, request } = candidacy;
    const {
      now = () => performance.now(),
      random = Math.random,
      path,
      evidence,
      looksOf,
      onOutcome,
      mostBytes = MOST_BYTES,
    } = this.#options;
    if (last?.type !== 'finished' || call.record.cache === 'hit') return this.#drop(model, 'unfit');
    if (collector.isTooLarge) return this.#drop(model, 'too_large');
    if (this.#abort.signal.aborted) return this.#drop(model, 'aborted');
    const budget = this.#budgetOf(model.name);
    if (!budget.enterRunning(order, now())) return this.#drop(model, 'over_budget');
    const run = new ShadowRun({
      request,
      call,
      version: model.version,
      model: model.name,
      order,
      events: collector.events,
      endedMs: now(),
      path,
      evidence,
      looksOf,
      mostBytes,
      now,
      seed: Math.floor(random() * 2 ** 32),
      signal: this.#abort.signal,
    });
    // The caller gets the end of the answer first.
    setImmediate(() => {
      void run.finish().then((outcome) => {
        budget.leaveRunning();
        onOutcome({ model: model.name, outcome });
      });
    });
  }

  #drop(model: RoutedModel, outcome: ShadowOutcome): undefined {
    this.#options.onOutcome({ model: model.name, outcome });
    return undefined;
  }

  #budgetOf(model: string): ShadowBudget {
    const known = this.#budgets.get(model) ?? new ShadowBudget();
    this.#budgets.set(model, known);
    return known;
  }
}
