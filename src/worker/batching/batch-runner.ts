import { setImmediate as nextTurn } from 'node:timers/promises';
import { errorFactsOf, PlinthError, type ErrorFacts } from '../../core/errors/index.ts';
import type { InferenceRequest } from '../../core/inference/index.ts';
import type { ReplicaProgress } from '../../core/messages/index.ts';
import type { ModelFacts, ModelSpec } from '../../core/models/index.ts';
import type { Arrival, EventSink } from '../intake/index.ts';
import type { ReplicaLoop } from '../replica-loop.ts';
import type { ItemOutcome, StepReport, Task, WorkItem } from '../task.ts';
import { BatchLine } from './batch-line.ts';
import { BatchMeter } from './batch-meter.ts';
import type { BatchRequest, Execution, QueuedItem } from './batch-request.ts';
import { RequestQueue } from './request-queue.ts';

/** Time that one turn may spend on preparing new requests while others wait for their batch. */
const PREPARE_MS = 15;

/** A timer is no more exact than this; what is due sooner is waited for by looking again. */
const SHORTEST_TIMER_MS = 1;

/** What is just arriving is waited for as long as a part of a step takes, which it may save. */
const GATHER_SHARE = 0.5;
const LONGEST_GATHER_MS = 20;

/** The loop of a replica that answers whole requests in batches: schedule → execute → emit. Every method is called between two steps. */
export class BatchRunner<Item extends WorkItem = WorkItem> implements ReplicaLoop<BatchRequest<Item>> {
  readonly #task: Task<Item>;
  readonly #line: BatchLine<Item>;
  readonly #queue: RequestQueue<Item>;
  readonly #meter = new BatchMeter();
  readonly #arrivals: BatchRequest<Item>[] = [];
  /** Requests whose preparation has begun and not ended, those included that have been cancelled since. */
  #preparing = 0;
  #probe: InferenceRequest | undefined;
  #wake: (() => void) | undefined;

  constructor(task: Task<Item>, spec: ModelSpec) {
    this.#task = task;
    this.#line = new BatchLine(task, (dropped, error) => this.#fail(dropped.owner, error));
    this.#queue = new RequestQueue({ spec, slots: task.facts.slots, batching: this.#line.batching });
  }

  get gatherMs(): number {
    const waiting = this.#arrivals.length + this.#line.size;
    const isFull = waiting === 0 || waiting >= this.#line.mostRows;
    return isFull ? 0 : Math.min(LONGEST_GATHER_MS, this.#meter.meanStepMs * GATHER_SHARE);
  }

  /** One step at most. True when there is more to do at once. */
  turn(): boolean {
    const now = performance.now();
    this.#expire(now);
    this.#prepareArrivals(now);
    const batch = this.#line.take(now);
    if (batch.length > 0) this.#step(batch);
    return this.#preparable > 0 || (batch.length > 0 && this.#line.hasWork);
  }

  /** Resolves when something arrived, when waiting work is due, or after `ms`. */
  arrival(ms: number): Promise<void> {
    const waitMs = Math.min(ms, Math.min(this.#line.dueAt, this.#queue.nextDueAt) - performance.now());
    if (this.#preparable > 0 || waitMs < SHORTEST_TIMER_MS) return nextTurn();
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.wakeUp(), waitMs);
      this.#wake = () => {
        clearTimeout(timer);
        // What else has arrived by now is read before the next turn, and so shares its batch.
        setImmediate(resolve);
      };
    });
  }

  /** Ends a pending {@link arrival}. */
  wakeUp(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  get isIdle(): boolean {
    return this.#queue.isEmpty;
  }

  get facts(): ModelFacts {
    return this.#task.facts;
  }

  probeRequest(): InferenceRequest {
    return (this.#probe = this.#task.probe());
  }

  progress(): ReplicaProgress {
    const { held, waiting } = this.#queue.count();
    return {
      ...this.#meter.totals(),
      // What is behind the preparation of a cancelled request can take no step either.
      runningSequences: held === 0 ? this.#preparing : held,
      runnableSequences: this.#line.size + this.#preparable,
      waitingRequests: waiting,
      threads: this.#task.threads,
      usedContextTokens: 0,
    };
  }

  close(): void {
    this.#task.close();
  }

  accept({ request }: Arrival, sink: EventSink): BatchRequest<Item> {
    const now = performance.now();
    this.#line.recordArrival(now);
    const active = this.#queue.admit({ request, sink, now, entrance: request === this.#probe ? 'probe' : 'ordinary' });
    if (!active.isEnded) this.#arrivals.push(active);
    this.wakeUp();
    return active;
  }

  cancel(active: BatchRequest<Item>): void {
    active.forsake();
    this.#drop(active, { code: 'cancelled', message: 'An earlier request of the sequence was cancelled.' });
  }

  pause(active: BatchRequest<Item>): void {
    active.isPaused = true;
    this.#line.park(active);
  }

  resume(active: BatchRequest<Item>): void {
    active.isPaused = false;
    this.#line.unpark(active);
    this.wakeUp();
  }

  /** Arrivals whose turn it is. */
  get #preparable(): number {
    return this.#preparing < (this.#task.mostPreparing ?? Infinity) ? this.#arrivals.length : 0;
  }

  #prepareArrivals(startedAt: number): void {
    let count = 0;
    while (count < this.#preparable && performance.now() - startedAt < PREPARE_MS) {
      const active = this.#arrivals[count++] as BatchRequest<Item>;
      if (active.isEnded) continue;
      try {
        const items = this.#task.prepare(active.request, active);
        if (items instanceof Promise) this.#enterLater(active, items);
        else this.#enter(active, items);
      } catch (error) {
        this.#failWith(active, error);
      }
    }
    this.#arrivals.splice(0, count);
  }

  #enterLater(active: BatchRequest<Item>, coming: Promise<readonly Item[]>): void {
    const settle = (items: readonly Item[]) => {
      if (active.isEnded) for (const item of items) this.#task.abandon?.(item);
      else this.#enter(active, items);
    };
    this.#preparing++;
    active.isPreparing = true;
    coming
      .then(settle)
      .catch((error: unknown) => this.#failWith(active, error))
      .finally(() => {
        this.#preparing--;
        this.wakeUp();
      });
  }

  #enter(active: BatchRequest<Item>, items: readonly Item[]): void {
    active.begin(items);
    for (const queued of active.items) {
      const refusal = active.request === this.#probe ? this.#line.addAlone(queued) : this.#line.add(queued);
      if (refusal !== undefined) return this.#fail(active, refusal);
    }
    if (items.length === 0) this.#finish(active, performance.now());
  }

  #expire(now: number): void {
    this.#line.freeIdleSeats(now);
    for (const active of this.#queue.takeDue(now)) {
      const verdict = this.#queue.judge(active, now);
      if (verdict === 'late') this.#line.makeLate(active);
      else if (verdict !== 'in-time') this.#fail(active, verdict);
    }
  }

  #step(batch: readonly QueuedItem<Item>[]): void {
    const startedAt = performance.now();
    for (const { owner } of batch) this.#queue.markStarted(owner, startedAt);
    try {
      const report = this.#execute(batch);
      this.#absorb(batch, report);
    } catch (error) {
      this.#recover(batch, error);
    }
  }

  #execute(batch: readonly QueuedItem<Item>[]): StepReport {
    const startedAt = performance.now();
    try {
      const report = this.#task.execute(
        batch.map(({ item }) => item),
        this.#line.slotsOf(batch),
      );
      if (report.outcomes.length === batch.length) return report;
      throw new Error(`The task gave ${report.outcomes.length} outcomes for ${batch.length} items.`);
    } finally {
      this.#meter.recordStep(performance.now() - startedAt);
    }
  }

  /** A batch that fails as a whole is tried item by item, one a turn, so that the one at fault fails alone. */
  #recover(batch: readonly QueuedItem<Item>[], error: unknown): void {
    const [only] = batch;
    if (only === undefined || batch.length > 1) return this.#line.isolate(batch);
    this.#task.abandon?.(only.item);
    this.#settle(only);
    this.#failWith(only.owner, error);
  }

  #absorb(batch: readonly QueuedItem<Item>[], report: StepReport): void {
    const now = performance.now();
    const { inputMs, inferMs, outputMs } = report;
    let batchRows = 0;
    for (const { item } of batch) batchRows += item.rows;
    const execution: Execution = { batchRows, inputMs, inferMs, outputMs, isLed: false };
    for (const { owner, item } of batch) owner.join(execution, item.rows);
    for (let i = 0; i < batch.length; i++) this.#emit(batch[i] as QueuedItem<Item>, report.outcomes[i] as ItemOutcome, now);
  }

  #emit(queued: QueuedItem<Item>, outcome: ItemOutcome, now: number): void {
    const { owner } = queued;
    if (outcome.type === 'failed') {
      this.#settle(queued);
      return this.#fail(owner, outcome.error);
    }
    owner.emitAll(outcome.events, now);
    if (outcome.type === 'continued') {
      if (owner.isEnded) this.#task.abandon?.(queued.item);
      else this.#line.again(queued);
      return;
    }
    this.#meter.recordItem(queued.item.promptTokens);
    this.#settle(queued);
    owner.completionTokens += outcome.completionTokens ?? 0;
    owner.unfinished--;
    if (owner.unfinished === 0 && !owner.isEnded) this.#finish(owner, now);
  }

  /** The item takes no further step. */
  #settle(queued: QueuedItem<Item>): void {
    queued.isDone = true;
    this.#line.complete(queued);
  }

  #finish(active: BatchRequest<Item>, now: number): void {
    try {
      const items = active.items.map(({ item }) => item);
      active.finish(this.#task.conclude?.(active.request, items) ?? [], now);
      this.#queue.leave(active);
    } catch (error) {
      this.#failWith(active, error);
    }
  }

  #failWith(active: BatchRequest<Item>, error: unknown): void {
    if (!(error instanceof PlinthError)) process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    this.#fail(active, errorFactsOf(error));
  }

  #fail(active: BatchRequest<Item>, error: ErrorFacts): void {
    if (active.isEnded) return;
    active.fail(error);
    const message = 'timeout of the corresponding sequence has been expired';
    this.#drop(active, { code: error.code === 'queue_timeout' ? 'queue_timeout' : 'invalid_request', message });
  }

  /** Forgets a request that has ended. `rest` is what the steps after its own are told. */
  #drop(active: BatchRequest<Item>, rest: ErrorFacts): void {
    this.#queue.leave(active);
    for (const queued of active.items) {
      if (queued.isDone) continue;
      queued.isDone = true;
      this.#task.abandon?.(queued.item);
      this.#line.remove(queued, rest);
    }
  }
}
