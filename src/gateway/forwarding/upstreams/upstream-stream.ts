import { errorFactsOf, type ErrorFacts } from '../../../core/errors/index.ts';
import type { InferenceEvent, RequestTimings, Usage } from '../../../core/inference/index.ts';

type Result = IteratorResult<InferenceEvent, undefined>;
const DONE: Result = { done: true, value: undefined };

/** One exchange with an upstream, as a stream of events sees it. */
export interface Exchange {
  /** Sends the request and reads the head of the answer. */
  open(): Promise<void>;
  /** The next events; undefined at the end of the answer. May be empty. */
  read(): Promise<readonly InferenceEvent[] | undefined>;
  /** What the upstream counted, once the answer is whole. */
  readonly usage: Usage | undefined;
  /** Ends it, whatever it is at. */
  abort(): void;
}

/** The events of one request that an upstream answers. It is asked at the first pull, and read no faster than the events are pulled. */
export class UpstreamStream implements AsyncIterableIterator<InferenceEvent, undefined> {
  readonly #exchange: Exchange;
  readonly #onEnd: () => void;
  #unread: readonly InferenceEvent[] = [];
  #readCount = 0;
  #startedMs: number | undefined;
  #firstMs: number | undefined;
  #hasEnded = false;

  /** `onEnd` is called once. */
  constructor(exchange: Exchange, onEnd: () => void) {
    this.#exchange = exchange;
    this.#onEnd = onEnd;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<Result> {
    for (;;) {
      const event = this.#unread[this.#readCount];
      if (event !== undefined) {
        this.#readCount += 1;
        return { done: false, value: event };
      }
      if (this.#hasEnded) return DONE;
      await this.#fill();
    }
  }

  return(): Promise<Result> {
    this.#unread = [];
    if (!this.#hasEnded) {
      this.#end();
      this.#exchange.abort();
    }
    return Promise.resolve(DONE);
  }

  async #fill(): Promise<void> {
    try {
      if (this.#startedMs === undefined) {
        this.#startedMs = performance.now();
        await this.#exchange.open();
      }
      const events = await this.#exchange.read();
      if (this.#hasEnded) return;
      if (events === undefined) return this.#finish();
      if (events.length > 0) this.#firstMs ??= performance.now();
      this.#hold(events);
    } catch (thrown) {
      if (!this.#hasEnded) this.#fail(errorFactsOf(thrown));
    }
  }

  #hold(events: readonly InferenceEvent[]): void {
    this.#unread = events;
    this.#readCount = 0;
  }

  #finish(): void {
    const { usage } = this.#exchange;
    this.#end();
    const told: readonly InferenceEvent[] = usage === undefined ? [] : [{ type: 'usage-report', usage }];
    this.#hold([...told, { type: 'finished', timings: this.#timings() }]);
  }

  #fail(error: ErrorFacts): void {
    this.#end();
    this.#exchange.abort();
    this.#hold([{ type: 'failed', error }]);
  }

  /** Where the time went there is not told: all of it until the first token counts as reading the prompt. */
  #timings(): RequestTimings {
    const nowMs = performance.now();
    const startedMs = this.#startedMs ?? nowMs;
    const firstMs = this.#firstMs ?? nowMs;
    return { queueMs: 0, prefillMs: firstMs - startedMs, decodeMs: nowMs - firstMs };
  }

  #end(): void {
    this.#hasEnded = true;
    this.#onEnd();
  }
}
