import { errorFactsOf, type ErrorFacts } from '../../core/errors/index.ts';
import type { InferenceEvent } from '../../core/inference/index.ts';

type Result = IteratorResult<InferenceEvent, undefined>;
type Attempt = AsyncIterator<InferenceEvent>;
const DONE: Result = { done: true, value: undefined };

/** The decisions that a fallback stream leaves to its stage. */
export interface FallbackGuide {
  /** Nothing reaches the caller before the end: then another target may answer even after events. */
  readonly isFolded: boolean;
  /** The events of the version that was chosen first. */
  first(): AsyncIterable<InferenceEvent>;
  /** The events of the next target after this failure; undefined when the failure is the answer, which may be an earlier one's. */
  next(failure: ErrorFacts): AsyncIterable<InferenceEvent> | undefined;
  /** What the caller is told when nothing answers. */
  lastWord(failure: ErrorFacts): ErrorFacts;
}

/**
 * The events of one request over however many targets it takes: the first attempt that has something to say is passed on, and from then
 * on pulls go straight to it.
 */
export class FallbackStream implements AsyncIterableIterator<InferenceEvent, undefined> {
  readonly #guide: FallbackGuide;
  #attempt: Attempt | undefined;
  /** Nothing is tried any more. */
  #isSettled = false;
  #hasLeft = false;
  /** Of a folded answer, or the one event that settled the matter. */
  #held: InferenceEvent[] = [];
  #readCount = 0;

  constructor(guide: FallbackGuide) {
    this.#guide = guide;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Result> {
    if (!this.#isSettled) return this.#settle();
    const event = this.#held[this.#readCount];
    if (event === undefined) return this.#pullOn();
    this.#readCount += 1;
    return Promise.resolve({ done: false, value: event });
  }

  return(): Promise<Result> {
    this.#hasLeft = true;
    this.#isSettled = true;
    this.#held = [];
    return this.#leaveAttempt();
  }

  #pullOn(): Promise<Result> {
    // Streams end with `undefined`, whatever their type says.
    return (this.#attempt?.next() as Promise<Result> | undefined) ?? Promise.resolve(DONE);
  }

  async #settle(): Promise<Result> {
    let begun = begin(() => this.#guide.first());
    for (;;) {
      const failure = await this.#try(begun);
      if (this.#hasLeft) return DONE;
      if (failure === undefined) return this.#pass();
      void this.#leaveAttempt();
      begun = begin(() => this.#guide.next(failure));
      if (begun.events === undefined && begun.failure === undefined) return this.#giveUp(failure);
    }
  }

  /** Pulls until something can be passed on; the failure when nothing can. */
  async #try({ events, failure }: Begun): Promise<ErrorFacts | undefined> {
    if (events === undefined) return failure;
    const attempt = events[Symbol.asyncIterator]();
    this.#attempt = attempt;
    this.#held = [];
    for (;;) {
      const event = await pull(attempt);
      if (this.#hasLeft) return undefined;
      if (event.type === 'failed') return event.error;
      this.#held.push(event);
      if (!this.#guide.isFolded || event.type === 'finished') return undefined;
    }
  }

  #pass(): Result {
    this.#isSettled = true;
    const [event] = this.#held;
    this.#readCount = 1;
    return event === undefined ? DONE : { done: false, value: event };
  }

  #giveUp(failure: ErrorFacts): Result {
    this.#isSettled = true;
    this.#held = [];
    return { done: false, value: { type: 'failed', error: this.#guide.lastWord(failure) } };
  }

  async #leaveAttempt(): Promise<Result> {
    const attempt = this.#attempt;
    this.#attempt = undefined;
    await attempt?.return?.().catch(() => undefined);
    return DONE;
  }
}

interface Begun {
  readonly events?: AsyncIterable<InferenceEvent> | undefined;
  readonly failure?: ErrorFacts;
}

const ENDED_EARLY: ErrorFacts = { code: 'internal_error', message: 'The answer ended before it was complete.' };

/** Stages refuse by throwing, before there are any events. */
function begin(start: () => AsyncIterable<InferenceEvent> | undefined): Begun {
  try {
    return { events: start() };
  } catch (thrown) {
    return { failure: errorFactsOf(thrown) };
  }
}

async function pull(attempt: Attempt): Promise<InferenceEvent> {
  try {
    const result = await attempt.next();
    return result.done === true ? { type: 'failed', error: ENDED_EARLY } : result.value;
  } catch (thrown) {
    return { type: 'failed', error: errorFactsOf(thrown) };
  }
}
