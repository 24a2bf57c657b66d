import { errorFactsOf, type ErrorFacts } from '../../core/errors/index.ts';
import type { InferenceEvent } from '../../core/inference/index.ts';

type Result = IteratorResult<InferenceEvent, undefined>;
type Attempt = AsyncIterator<InferenceEvent>;
const DONE: Result = { done: true, value: undefined };

/** A request that took its replica down so often is not tried again: it may be what kills it. */
const MOST_ATTEMPTS = 3;

/** The decisions that a balanced stream leaves to its stage. */
export interface StreamGuide {
  /** Nothing reaches the caller before the end: then a lost attempt is made good even after events. */
  readonly isFolded: boolean;
  /** Called at the first pull. Refuses by calling `end`, else brings an `attempt`, now or later. */
  start(stream: BalancedStream): void;
  /** The replica was lost; another attempt may follow. */
  onLost(): void;
  /** A replica was lost before anything was passed on. Same as `start`, for the next attempt. */
  restart(stream: BalancedStream): void;
  /** Called exactly once, if `start` was. */
  stop(): void;
  /** An event came from the attempt. */
  onArrived(event: InferenceEvent): void;
}

/**
 * The events of one request over however many attempts it takes: exactly one terminal event, nothing after it, and a second attempt
 * only while nothing of the first has been passed on. A folded stream passes nothing on before its end. Nothing starts before the first
 * pull.
 */
export class BalancedStream implements AsyncIterableIterator<InferenceEvent, undefined> {
  readonly #guide: StreamGuide;
  readonly #onResult = (result: IteratorResult<InferenceEvent>): void => this.#receive(result);
  readonly #onThrown = (thrown: unknown): void => this.end(errorFactsOf(thrown));
  #attempt: Attempt | undefined;
  #losses = 0;
  #hasStarted = false;
  #hasPassedEvent = false;
  #isEnded = false;
  /** Events to be read: those held back for a folded stream, and a terminal one that came while nobody pulled. */
  #unread: InferenceEvent[] = [];
  #readCount = 0;
  #waiting: ((result: Result) => void) | undefined;

  constructor(guide: StreamGuide) {
    this.#guide = guide;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Result> {
    if (this.#isEnded) return Promise.resolve(this.#takeUnread());
    return new Promise((resolve) => {
      this.#waiting = resolve;
      if (this.#attempt !== undefined) this.#pull(this.#attempt);
      else if (!this.#hasStarted) {
        this.#hasStarted = true;
        this.#guide.start(this);
      }
    });
  }

  return(): Promise<Result> {
    if (!this.#isEnded) this.#finish();
    this.#forgetUnread();
    this.#waiting?.(DONE);
    this.#waiting = undefined;
    return Promise.resolve(DONE);
  }

  attempt(events: AsyncIterable<InferenceEvent>): void {
    this.#attempt = events[Symbol.asyncIterator]();
    if (this.#waiting !== undefined) this.#pull(this.#attempt);
  }

  /** Ends the stream now, whatever the attempt does. */
  end(error: ErrorFacts): void {
    if (this.#isEnded) return;
    this.#finish();
    this.#forgetUnread();
    this.#pass({ type: 'failed', error });
  }

  #pull(attempt: Attempt): void {
    attempt.next().then(this.#onResult, this.#onThrown);
  }

  #receive(result: IteratorResult<InferenceEvent>): void {
    if (this.#isEnded) return;
    if (result.done === true) return this.#lose();
    const event = result.value;
    if (event.type === 'failed' && event.error.code === 'replica_lost') return this.#lose();
    if (event.type === 'failed') return this.end(event.error);
    this.#guide.onArrived(event);
    if (event.type === 'finished') this.#finish();
    else if (this.#guide.isFolded) return this.#holdBack(event);
    else this.#hasPassedEvent = true;
    this.#pass(event);
  }

  #holdBack(event: InferenceEvent): void {
    this.#unread.push(event);
    if (this.#attempt !== undefined) this.#pull(this.#attempt);
  }

  #lose(): void {
    this.#attempt = undefined;
    this.#forgetUnread();
    this.#losses += 1;
    this.#guide.onLost();
    if (this.#hasPassedEvent) {
      return this.end({ code: 'replica_lost', message: 'The replica was lost while it answered. The answer is incomplete.' });
    }
    if (this.#losses < MOST_ATTEMPTS) return this.#guide.restart(this);
    this.end({
      code: 'engine_failed',
      message: `The request was given up: ${MOST_ATTEMPTS} replicas in a row were lost while working on it.`,
    });
  }

  #finish(): void {
    this.#isEnded = true;
    const attempt = this.#attempt;
    this.#attempt = undefined;
    attempt?.return?.()?.then(undefined, () => undefined);
    if (this.#hasStarted) this.#guide.stop();
  }

  #pass(event: InferenceEvent): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting !== undefined && this.#unread.length === 0) return waiting({ done: false, value: event });
    this.#unread.push(event);
    waiting?.(this.#takeUnread());
  }

  #forgetUnread(): void {
    this.#unread = [];
    this.#readCount = 0;
  }

  #takeUnread(): Result {
    const event = this.#unread[this.#readCount];
    if (event === undefined) return DONE;
    this.#readCount += 1;
    if (this.#readCount === this.#unread.length) this.#forgetUnread();
    return { done: false, value: event };
  }
}
