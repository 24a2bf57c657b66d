import type { ErrorFacts } from '../../core/errors/index.ts';
import { isTerminal, type InferenceEvent, type InferenceRequest } from '../../core/inference/index.ts';
import type { EventSink } from '../intake/index.ts';
import type { WorkItem } from '../task.ts';
import type { QueueRule } from './choose-queue-policy.ts';
import type { SeatedSequence, Ticket, WaitingPlace } from './waiting/index.ts';

/** One execution, as the requests in it report it. */
export interface Execution {
  readonly batchRows: number;
  readonly inputMs: number;
  readonly inferMs: number;
  readonly outputMs: number;
  /** A request has reported it as its leader. */
  isLed: boolean;
}

/** An item of a request on its way through the loop. */
export class QueuedItem<Item extends WorkItem> {
  readonly item: Item;
  readonly owner: BatchRequest<Item>;
  ticket: Ticket<QueuedItem<Item>> | undefined = undefined;
  sequence: SeatedSequence<QueuedItem<Item>> | undefined = undefined;
  isDone = false;

  constructor(item: Item, owner: BatchRequest<Item>) {
    this.item = item;
    this.owner = owner;
  }
}

interface BatchRequestOptions {
  readonly request: InferenceRequest;
  readonly sink: EventSink;
  readonly now: number;
  readonly rule: QueueRule;
  readonly queueTimeoutMs: number;
}

/** A request inside the worker. Sends exactly one terminal event, whatever happens to it. */
export class BatchRequest<Item extends WorkItem> {
  readonly request: InferenceRequest;
  readonly rule: QueueRule;
  readonly deadlineAt: number;
  readonly queueDueAt: number;
  /** When the policy of its queue has to be applied. */
  ruleDueAt: number;
  place: WaitingPlace;
  items: readonly QueuedItem<Item>[] = [];
  /** Items that may not go on while the reader is slow. */
  readonly parked: QueuedItem<Item>[] = [];
  /** It is counted among those that wait for their turn. */
  isQueued = false;
  isPaused = false;
  /** Its items are on their way; nothing can be done for it until they are there. */
  isPreparing = false;
  unfinished = 0;
  completionTokens = 0;
  #isEnded = false;
  #startedAt = 0;
  #firstDoneAt = 0;
  #execution: Execution | undefined;
  #ownRows = 0;
  readonly arrivedAt: number;
  readonly #sink: EventSink;

  constructor({ request, sink, now, rule, queueTimeoutMs }: BatchRequestOptions) {
    this.request = request;
    this.rule = rule;
    this.arrivedAt = now;
    this.deadlineAt = now + request.timeLeftMs;
    this.queueDueAt = now + queueTimeoutMs;
    this.ruleDueAt = now + rule.timeoutMs;
    this.place = { level: rule.level, turn: 'due' };
    this.#sink = sink;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** When the loop has to look at it again. */
  get nextDueAt(): number {
    return this.isQueued ? Math.min(this.deadlineAt, this.queueDueAt, this.ruleDueAt) : this.deadlineAt;
  }

  begin(items: readonly Item[]): void {
    this.isPreparing = false;
    this.items = items.map((item) => new QueuedItem(item, this));
    this.unfinished = items.length;
  }

  markStarted(now: number): void {
    if (this.#startedAt === 0) this.#startedAt = now;
  }

  /** Its rows were part of this execution. */
  join(execution: Execution, rows: number): void {
    if (this.#execution !== execution) this.#ownRows = 0;
    this.#execution = execution;
    this.#ownRows += rows;
  }

  emitAll(events: readonly InferenceEvent[], now: number): void {
    if (this.#firstDoneAt === 0) this.#firstDoneAt = now;
    for (const event of events) this.#emit(event);
  }

  finish(closing: readonly InferenceEvent[], now: number): void {
    const started = this.#startedAt || now;
    const firstDone = this.#firstDoneAt || now;
    this.emitAll(closing, now);
    let promptTokens = 0;
    for (const { item } of this.items) promptTokens += item.promptTokens;
    const usage = { promptTokens, cachedTokens: 0, completionTokens: this.completionTokens };
    this.#emit({ type: 'usage-report', usage });
    const timings = { queueMs: started - this.arrivedAt, prefillMs: firstDone - started, decodeMs: now - firstDone };
    const execution = this.#reportExecution();
    this.#emit({ type: 'finished', timings: execution === undefined ? timings : { ...timings, execution } });
  }

  fail(error: ErrorFacts): void {
    this.#emit({ type: 'failed', error });
  }

  /** The caller is gone: nothing more is sent. */
  forsake(): void {
    this.#isEnded = true;
  }

  #reportExecution() {
    const execution = this.#execution;
    if (execution === undefined) return undefined;
    const { batchRows, inputMs, inferMs, outputMs, isLed } = execution;
    execution.isLed = true;
    return { batchRows, ownRows: this.#ownRows, isLead: !isLed, inputMs, inferMs, outputMs };
  }

  #emit(event: InferenceEvent): void {
    if (this.#isEnded) return;
    if (isTerminal(event)) this.#isEnded = true;
    this.#sink.emit(event);
  }
}
