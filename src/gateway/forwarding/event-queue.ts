import type { ErrorFacts } from '../../core/errors/index.ts';
import { approximateBytes, isTerminal, type InferenceEvent } from '../../core/inference/index.ts';

const PAUSE_ABOVE_EVENTS = 64;
const PAUSE_ABOVE_BYTES = 64 * 1024;
const RESUME_AT_EVENTS = 16;
const RESUME_AT_BYTES = 16 * 1024;
/** Events already read are let go after so many. */
const COMPACT_AT = 256;
/** A worker that goes on after `pause` loses the stream here. Room for the frames in flight and for a large batch of vectors. */
const CANCEL_ABOVE_EVENTS = 65_536;
const CANCEL_ABOVE_BYTES = 128 * 1024 * 1024;

/** What a queue tells the connection that fills it. */
export interface QueueSource {
  cancel(stream: number): void;
  pause(stream: number): void;
  resume(stream: number): void;
}

type Result = IteratorResult<InferenceEvent, undefined>;
const DONE: Result = { done: true, value: undefined };

/**
 * The events of one stream between the connection that pushes and the reader that pulls. Ends after the first terminal event;
 * anything pushed later is dropped. A slow reader pauses the source, one that leaves cancels it.
 */
export class EventQueue implements AsyncIterableIterator<InferenceEvent, undefined> {
  readonly stream: number;
  readonly #source: QueueSource;
  #events: InferenceEvent[] = [];
  #head = 0;
  #bytes = 0;
  #isPaused = false;
  #isClosed = false;
  #waiting: ((result: Result) => void) | undefined;

  constructor(stream: number, source: QueueSource) {
    this.stream = stream;
    this.#source = source;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  push(event: InferenceEvent): void {
    if (this.#isClosed) return;
    if (isTerminal(event)) this.#isClosed = true;
    const waiting = this.#waiting;
    if (waiting !== undefined) {
      this.#waiting = undefined;
      waiting({ done: false, value: event });
      return;
    }
    this.#events.push(event);
    this.#bytes += approximateBytes(event);
    if (!this.#isClosed) this.#limit();
  }

  fail(error: ErrorFacts): void {
    this.push({ type: 'failed', error });
  }

  next(): Promise<Result> {
    const event = this.#events[this.#head];
    if (event !== undefined) {
      this.#shift(event);
      return Promise.resolve({ done: false, value: event });
    }
    if (this.#isClosed) return Promise.resolve(DONE);
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  return(): Promise<Result> {
    if (!this.#isClosed) {
      this.#isClosed = true;
      this.#source.cancel(this.stream);
    }
    this.#events = [];
    this.#head = 0;
    this.#waiting?.(DONE);
    this.#waiting = undefined;
    return Promise.resolve(DONE);
  }

  #shift(event: InferenceEvent): void {
    this.#head += 1;
    this.#bytes -= approximateBytes(event);
    const left = this.#events.length - this.#head;
    if (left === 0 || this.#head === COMPACT_AT) {
      this.#events = this.#events.slice(this.#head);
      this.#head = 0;
    }
    if (this.#isPaused && !this.#isClosed && left <= RESUME_AT_EVENTS && this.#bytes <= RESUME_AT_BYTES) {
      this.#isPaused = false;
      this.#source.resume(this.stream);
    }
  }

  #limit(): void {
    const length = this.#events.length - this.#head;
    if (length > CANCEL_ABOVE_EVENTS || this.#bytes > CANCEL_ABOVE_BYTES) {
      this.#source.cancel(this.stream);
      this.fail({
        code: 'engine_failed',
        message: 'The answer was produced faster than it could be delivered, and was given up.',
      });
    } else if (!this.#isPaused && (length > PAUSE_ABOVE_EVENTS || this.#bytes > PAUSE_ABOVE_BYTES)) {
      this.#isPaused = true;
      this.#source.pause(this.stream);
    }
  }
}
