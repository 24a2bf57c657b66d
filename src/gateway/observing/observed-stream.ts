import { isTerminal, type InferenceEvent } from '../../core/inference/index.ts';

/** Sees every event on its way to the reader. */
export interface StreamObserver {
  onEvent(event: InferenceEvent): void;
  /** Called exactly once: after the terminal event, at the end of the stream, when it throws or when the reader leaves. */
  onEnd(): void;
}

/** A stream with an observer; adds one promise per event and nothing else. */
export class ObservedStream implements AsyncIterableIterator<InferenceEvent> {
  readonly #events: AsyncIterator<InferenceEvent>;
  readonly #observer: StreamObserver;
  readonly #onResult = (result: IteratorResult<InferenceEvent>): IteratorResult<InferenceEvent> => this.#observe(result);
  readonly #onThrown = (thrown: unknown): never => {
    this.#end();
    throw thrown;
  };
  #hasEnded = false;

  constructor(events: AsyncIterable<InferenceEvent>, observer: StreamObserver) {
    this.#events = events[Symbol.asyncIterator]();
    this.#observer = observer;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<InferenceEvent>> {
    return this.#events.next().then(this.#onResult, this.#onThrown);
  }

  return(): Promise<IteratorResult<InferenceEvent>> {
    this.#end();
    return this.#events.return?.() ?? Promise.resolve({ done: true, value: undefined });
  }

  #observe(result: IteratorResult<InferenceEvent>): IteratorResult<InferenceEvent> {
    if (result.done === true) this.#end();
    else {
      this.#observer.onEvent(result.value);
      if (isTerminal(result.value)) this.#end();
    }
    return result;
  }

  #end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#observer.onEnd();
  }
}
