import type { InferenceEvent } from './event.ts';

type Result = IteratorResult<InferenceEvent, undefined>;
const DONE: Result = { done: true, value: undefined };

/**
 * Events that come all together when work is done. The work begins at the first pull; its signal aborts when the reader leaves. It must
 * not reject.
 */
export class GatheredStream implements AsyncIterableIterator<InferenceEvent, undefined> {
  readonly #work: (signal: AbortSignal) => Promise<readonly InferenceEvent[]>;
  readonly #abort = new AbortController();
  #events: Promise<readonly InferenceEvent[]> | undefined;
  #readCount = 0;

  constructor(work: (signal: AbortSignal) => Promise<readonly InferenceEvent[]>) {
    this.#work = work;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<Result> {
    if (this.#abort.signal.aborted) return DONE;
    this.#events ??= this.#work(this.#abort.signal);
    const events = await this.#events;
    const event = this.#abort.signal.aborted ? undefined : events[this.#readCount];
    if (event === undefined) return DONE;
    this.#readCount += 1;
    return { done: false, value: event };
  }

  return(): Promise<Result> {
    this.#abort.abort();
    return Promise.resolve(DONE);
  }
}
