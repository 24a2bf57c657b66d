import { isTerminal, type InferenceEvent, type TerminalEvent } from '../../core/inference/index.ts';
import type { AnswerCollector } from './answer-collector.ts';

type Result = IteratorResult<InferenceEvent>;

/** A stream whose events are collected as they pass; adds one promise per event and nothing else. */
export class CollectedStream implements AsyncIterableIterator<InferenceEvent> {
  readonly #events: AsyncIterator<InferenceEvent>;
  readonly #collector: AnswerCollector;
  readonly #onResult = (result: Result): Result => this.#collect(result);
  readonly #onThrown = (thrown: unknown): never => {
    this.#end(undefined);
    throw thrown;
  };
  #onEnd: ((last: TerminalEvent | undefined) => void) | undefined;

  /** `onEnd` is called once: with the terminal event, or with none when the reader leaves or the stream breaks. */
  constructor(
    events: AsyncIterable<InferenceEvent>,
    collector: AnswerCollector,
    onEnd: (last: TerminalEvent | undefined) => void,
  ) {
    this.#events = events[Symbol.asyncIterator]();
    this.#collector = collector;
    this.#onEnd = onEnd;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Result> {
    return this.#events.next().then(this.#onResult, this.#onThrown);
  }

  return(): Promise<Result> {
    this.#end(undefined);
    return this.#events.return?.() ?? Promise.resolve({ done: true, value: undefined });
  }

  #collect(result: Result): Result {
    if (result.done === true) this.#end(undefined);
    else if (this.#onEnd !== undefined) {
      this.#collector.take(result.value);
      if (isTerminal(result.value)) this.#end(result.value);
    }
    return result;
  }

  #end(last: TerminalEvent | undefined): void {
    const onEnd = this.#onEnd;
    this.#onEnd = undefined;
    onEnd?.(last);
  }
}
