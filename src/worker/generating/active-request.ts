import type { ErrorFacts } from '../../core/errors/index.ts';
import { isTerminal, type InferenceEvent, type InferenceRequest } from '../../core/inference/index.ts';
import type { Delivery } from '../../core/messages/index.ts';
import type { Arrival, EventSink } from '../intake/index.ts';
import type { SequenceOwner, WorkSequence } from './work-sequence.ts';

/** A sequence of a request of this worker. */
export type RequestSequence = WorkSequence<ActiveRequest>;

/** A request inside the worker. Sends exactly one terminal event, whatever happens to it. */
export class ActiveRequest implements SequenceOwner {
  readonly request: InferenceRequest;
  readonly delivery: Delivery;
  readonly arrivedAt: number;
  readonly deadlineAt: number;
  sequences: readonly RequestSequence[] = [];
  isPaused = false;
  #unfinished = 0;
  #isEnded = false;
  #startedAt = 0;
  #firstTokenAt = 0;
  #completionTokens = 0;
  readonly #sink: EventSink;

  constructor(options: Arrival & { readonly sink: EventSink; readonly now: number }) {
    this.request = options.request;
    this.delivery = options.delivery;
    this.arrivedAt = options.now;
    this.deadlineAt = options.now + options.request.timeLeftMs;
    this.#sink = options.sink;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  get hasStarted(): boolean {
    return this.#startedAt > 0;
  }

  begin(sequences: readonly RequestSequence[]): void {
    this.sequences = sequences;
    this.#unfinished = sequences.length;
  }

  emit(event: InferenceEvent): void {
    if (this.#isEnded) return;
    if (isTerminal(event)) this.#isEnded = true;
    this.#sink.emit(event);
  }

  markStarted(now: number): void {
    if (this.#startedAt === 0) this.#startedAt = now;
  }

  markToken(now: number): void {
    if (this.#firstTokenAt === 0) this.#firstTokenAt = now;
    this.#completionTokens++;
  }

  /** One sequence is done; the last one reports usage and ends the request. */
  completeSequence(now: number): void {
    this.#unfinished--;
    if (this.#unfinished > 0 || this.#isEnded) return;
    this.emit({ type: 'usage-report', usage: this.#usage() });
    const started = this.#startedAt || now;
    const firstToken = this.#firstTokenAt || now;
    const timings = { queueMs: started - this.arrivedAt, prefillMs: firstToken - started, decodeMs: now - firstToken };
    this.emit({ type: 'finished', timings });
  }

  fail(error: ErrorFacts): void {
    this.emit({ type: 'failed', error });
  }

  /** The caller is gone: nothing more is sent. */
  abandon(): void {
    this.#isEnded = true;
  }

  /** A prompt counts once, however many choices it has. */
  #usage() {
    const leaders = this.sequences.filter((sequence) => sequence.leader === undefined);
    return {
      promptTokens: leaders.reduce((sum, sequence) => sum + sequence.promptLength, 0),
      cachedTokens: leaders.reduce((sum, sequence) => sum + sequence.firstReused, 0),
      completionTokens: this.#completionTokens,
    };
  }
}
