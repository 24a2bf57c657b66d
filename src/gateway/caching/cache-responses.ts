import { errorFactsOf } from '../../core/errors/index.ts';
import { GatheredStream, type InferenceEvent, type InferenceRequest, type TensorRequest } from '../../core/inference/index.ts';
import type { RoutedModel, SnapshotSource } from '../../core/messages/index.ts';
import type { ModelFacts } from '../../core/models/index.ts';
import type { NextStage, StageCall } from '../stage.ts';
import { digestRequest } from './digest-request.ts';
import { ResponseStore } from './response-store.ts';

/** What the cache needs to know of models, and how large it may be. */
export interface CacheOptions {
  readonly snapshots: SnapshotSource;
  /** Most memory for answers; 0 keeps none. */
  readonly mostBytes: number;
}

/** The stage that answers a request out of an equal one's answer, for models that allow it. Equal requests at once are run once. */
export function createCache({ snapshots, mostBytes }: CacheOptions) {
  const cache = new ResponseCache(mostBytes);
  const generations = new Generations();
  return function answerFromCache(request: InferenceRequest, call: StageCall, next: NextStage): AsyncIterable<InferenceEvent> {
    const { model } = call;
    if (mostBytes === 0 || model === undefined || request.kind !== 'tensors' || !isCacheable(request, model))
      return next(request, call);
    return new GatheredStream((reader) => {
      const key = digestRequest(request, generations.of(model, snapshots.current().models));
      const signal = AbortSignal.any([call.signal, reader]);
      return cache.answer({ key, call, signal, run: () => next(request, { ...call, signal, isFolded: true }) });
    });
  };
}

function isCacheable(request: TensorRequest, { facts, failure }: RoutedModel): boolean {
  const config = facts?.tensors?.config;
  if (failure !== undefined && config?.ensembleSteps !== undefined) return false;
  if (config?.cachesResponses !== true || config.isDecoupled === true) return false;
  return config.sequenceBatching === undefined && request.sequence === undefined;
}

interface CachedRequest {
  readonly key: string;
  readonly call: StageCall;
  readonly signal: AbortSignal;
  readonly run: () => AsyncIterable<InferenceEvent>;
}

const HIT: InferenceEvent = { type: 'finished', timings: { queueMs: 0, prefillMs: 0, decodeMs: 0 } };

const CANCELLED: InferenceEvent = {
  type: 'failed',
  error: { code: 'cancelled', message: 'The caller went away before the answer was complete.' },
};

const TOO_LATE: InferenceEvent = {
  type: 'failed',
  error: { code: 'deadline_exceeded', message: 'The answer was not complete before its deadline.' },
};
const LONGEST_TIMER_MS = 2 ** 31 - 1;

class ResponseCache {
  readonly #store: ResponseStore;
  /** Answers on their way; undefined when there is nothing to share in the end. */
  readonly #running = new Map<string, Promise<readonly InferenceEvent[] | undefined>>();

  constructor(mostBytes: number) {
    this.#store = new ResponseStore(mostBytes);
  }

  async answer(request: CachedRequest): Promise<readonly InferenceEvent[]> {
    const { key, call, signal } = request;
    for (;;) {
      const kept = this.#store.find(key) ?? (await this.#follow(key, signal, call.deadlineMs));
      if (kept !== undefined) {
        call.record.cache = 'hit';
        return [...kept, HIT];
      }
      if (signal.aborted) return [CANCELLED];
      if (performance.now() >= call.deadlineMs) return [TOO_LATE];
      if (!this.#running.has(key)) break;
    }
    call.record.cache = 'miss';
    return this.#lead(request);
  }

  /** What an equal request gets that is on its way; undefined when there is none, when it fails, when the caller has gone or its time is up. */
  async #follow(key: string, signal: AbortSignal, deadlineMs: number): Promise<readonly InferenceEvent[] | undefined> {
    const running = this.#running.get(key);
    if (running === undefined || signal.aborted) return undefined;
    const gone = Promise.withResolvers<undefined>();
    const leave = () => gone.resolve(undefined);
    signal.addEventListener('abort', leave, { once: true });
    const timer = setTimeout(leave, Math.min(deadlineMs - performance.now(), LONGEST_TIMER_MS));
    try {
      return await Promise.race([running, gone.promise]);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', leave);
    }
  }

  async #lead({ key, run }: CachedRequest): Promise<readonly InferenceEvent[]> {
    const shared = Promise.withResolvers<readonly InferenceEvent[] | undefined>();
    this.#running.set(key, shared.promise);
    let answer: readonly InferenceEvent[] | undefined;
    try {
      const events = await gather(run);
      if (events.at(-1)?.type === 'finished') {
        answer = events.filter(({ type }) => type === 'tensor' || type === 'response-finished');
        this.#store.keep(key, answer);
      }
      return events;
    } finally {
      this.#running.delete(key);
      shared.resolve(answer);
    }
  }
}

async function gather(run: () => AsyncIterable<InferenceEvent>): Promise<readonly InferenceEvent[]> {
  const events: InferenceEvent[] = [];
  try {
    for await (const event of run()) events.push(event);
    return events;
  } catch (error) {
    return [{ type: 'failed', error: errorFactsOf(error) }];
  }
}

/** Names a load of a model, and of the steps of an ensemble: what another load answers is another answer. */
class Generations {
  readonly #numbers = new WeakMap<ModelFacts, number>();
  #count = 0;

  of(model: RoutedModel, models: readonly RoutedModel[], depth = 0): string {
    const own = `${JSON.stringify([model.name, model.version])}#${this.#numberOf(model.facts)}`;
    const steps = depth > 8 ? [] : (model.facts?.tensors?.config.ensembleSteps ?? []);
    const inner = steps.flatMap((step) => models.filter(({ name }) => name === step.model));
    return [own, ...inner.map((one) => this.of(one, models, depth + 1))].join('|');
  }

  #numberOf(facts: ModelFacts | undefined): number {
    if (facts === undefined) return 0;
    const number = this.#numbers.get(facts) ?? ++this.#count;
    this.#numbers.set(facts, number);
    return number;
  }
}
