import type { ErrorFacts } from '../../core/errors/index.ts';
import type { DynamicBatching } from '../../core/models/index.ts';
import type { Task, WorkItem } from '../task.ts';
import { ArrivalRate } from './arrival-rate.ts';
import type { BatchRequest, QueuedItem } from './batch-request.ts';
import { chooseBatch } from './choose-batch.ts';
import { chooseDispatch } from './choose-dispatch.ts';
import { readSchedule, type Schedule } from './read-schedule.ts';
import { SequenceSeats, WaitingItems, type SeatChange, type Ticket } from './waiting/index.ts';

/** Told of an item that comes to nothing because one before it in its sequence did. */
type OnDropped<Item extends WorkItem> = (dropped: QueuedItem<Item>, error: ErrorFacts) => void;

const GAP_DELAYS = 10;

/** The items that wait, and which of them make the next batch. */
export class BatchLine<Item extends WorkItem> {
  readonly #schedule: Schedule;
  readonly #rate: ArrivalRate;
  readonly #seats: SequenceSeats<QueuedItem<Item>> | undefined;
  readonly #waiting = new WaitingItems<QueuedItem<Item>>();
  /** Items to be tried by themselves. */
  readonly #isolated: QueuedItem<Item>[] = [];
  readonly #onDropped: OnDropped<Item>;
  #dueAt = Infinity;

  constructor(task: Task<Item>, onDropped: OnDropped<Item>) {
    this.#schedule = readSchedule(task);
    const { seats, maxDelayMs } = this.#schedule;
    this.#rate = new ArrivalRate(maxDelayMs * GAP_DELAYS);
    this.#seats = seats === undefined ? undefined : new SequenceSeats(seats);
    this.#onDropped = onDropped;
  }

  get batching(): DynamicBatching | undefined {
    return this.#schedule.batching;
  }

  /** Most rows of a batch. */
  get mostRows(): number {
    return this.#schedule.sharing === 'single' ? 1 : this.#schedule.limits.maxRows;
  }

  get size(): number {
    return this.#waiting.size + this.#isolated.length;
  }

  get hasWork(): boolean {
    return this.size > 0;
  }

  /** When a batch that was held back has to be looked at again; Infinity when none is. */
  get dueAt(): number {
    return this.#dueAt;
  }

  recordArrival(now: number): void {
    if (this.#schedule.maxDelayMs > 0) this.#rate.record(now);
  }

  /** Takes an item in, or says why it cannot be done. */
  add(queued: QueuedItem<Item>): ErrorFacts | undefined {
    if (this.#seats === undefined) return this.#lineUp(queued);
    const { request } = queued.owner;
    const step = queued.item.sequence;
    if (step === undefined) {
      const message = `inference request to model '${request.model}' must specify a non-zero or non-empty correlation ID`;
      return { code: 'invalid_request', message };
    }
    const admitted = this.#seats.admit(queued, step, performance.now());
    if (admitted === undefined) {
      const subject = `inference request for sequence ${step.id} to model '${request.model}'`;
      const message = `${subject} must specify the START flag on the first request of the sequence`;
      return { code: 'invalid_request', message };
    }
    queued.sequence = admitted.sequence;
    return admitted.isReady ? this.#lineUp(queued) : undefined;
  }

  /** Takes an item in that is to be tried without others and without a slot. */
  addAlone(queued: QueuedItem<Item>): undefined {
    this.#isolated.push(queued);
  }

  /** An item wants another step. */
  again(queued: QueuedItem<Item>): void {
    this.#lineUp(queued);
  }

  isolate(batch: readonly QueuedItem<Item>[]): void {
    this.#isolated.push(...batch);
  }

  /** The next batch; empty when nothing waits or what waits should wait for more. */
  take(now: number): readonly QueuedItem<Item>[] {
    this.#dueAt = Infinity;
    const alone = this.#takeIsolated();
    if (alone !== undefined) return [alone];
    const leader = this.#waiting.first();
    if (leader === undefined) return [];
    if (this.#schedule.sharing === 'single') return this.#takeAll([leader]);
    const tickets = this.#gather(leader);
    const holdMs = this.#holdMs(tickets, now);
    if (holdMs > 0) {
      this.#dueAt = now + holdMs;
      return [];
    }
    const places = chooseBatch(
      tickets.map(({ entry }) => entry.item),
      this.#schedule.limits,
    );
    return this.#takeAll(places.map((place) => tickets[place] as Ticket<QueuedItem<Item>>));
  }

  /** The slots of a batch's items; undefined when the model is not stateful or the item came without a sequence. */
  slotsOf(batch: readonly QueuedItem<Item>[]): readonly number[] | undefined {
    if (this.#seats === undefined || batch.some(({ sequence }) => sequence === undefined)) return undefined;
    return batch.map(({ sequence }) => sequence?.slot ?? 0);
  }

  /** The item is done: the next step of its sequence may go. */
  complete(queued: QueuedItem<Item>): void {
    if (queued.sequence !== undefined) this.#apply(this.#seats?.complete(queued.sequence, performance.now()));
  }

  /** Takes an undone item out. The rest of its sequence would build on a step that never was. */
  remove(queued: QueuedItem<Item>, rest: ErrorFacts): void {
    this.#leaveLine(queued);
    if (queued.sequence !== undefined) this.#apply(this.#seats?.break(queued.sequence), rest);
  }

  /** The request has waited too long and goes on behind the others. */
  makeLate(active: BatchRequest<Item>): void {
    const waiting = active.items.filter((queued) => this.#leaveLine(queued));
    active.place = { level: active.rule.level, turn: 'late' };
    for (const queued of waiting) this.#lineUp(queued);
  }

  park(active: BatchRequest<Item>): void {
    for (const queued of active.items) if (this.#leaveLine(queued)) active.parked.push(queued);
  }

  unpark(active: BatchRequest<Item>): void {
    for (const queued of active.parked.splice(0)) if (!queued.isDone) this.#lineUp(queued);
  }

  freeIdleSeats(now: number): void {
    for (const queued of this.#seats?.expire(now) ?? []) this.#lineUp(queued);
  }

  #lineUp(queued: QueuedItem<Item>): undefined {
    const { owner } = queued;
    if (owner.isPaused) owner.parked.push(queued);
    else queued.ticket = this.#waiting.add(queued, owner.place);
  }

  #leaveLine(queued: QueuedItem<Item>): boolean {
    if (queued.ticket === undefined || queued.ticket.isGone) return false;
    this.#waiting.remove(queued.ticket, queued.owner.place);
    return true;
  }

  #apply(change: SeatChange<QueuedItem<Item>> | undefined, rest?: ErrorFacts): void {
    for (const queued of change?.ready ?? []) this.#lineUp(queued);
    for (const queued of change?.dropped ?? []) if (!queued.isDone && rest !== undefined) this.#onDropped(queued, rest);
  }

  #takeIsolated(): QueuedItem<Item> | undefined {
    for (;;) {
      const queued = this.#isolated.shift();
      if (queued === undefined || !queued.isDone) return queued;
    }
  }

  #takeAll(tickets: readonly Ticket<QueuedItem<Item>>[]): readonly QueuedItem<Item>[] {
    for (const ticket of tickets) this.#waiting.remove(ticket, ticket.entry.owner.place);
    return tickets.map(({ entry }) => entry);
  }

  #gather({ shapeClass }: Ticket<QueuedItem<Item>>): readonly Ticket<QueuedItem<Item>>[] {
    const { limits, window } = this.#schedule;
    return limits.ordering === 'preserved'
      ? this.#waiting.gatherHead(shapeClass, window)
      : this.#waiting.gather(shapeClass, window);
  }

  #holdMs(tickets: readonly Ticket<QueuedItem<Item>>[], now: number): number {
    const { maxDelayMs, enoughRows } = this.#schedule;
    const [leader] = tickets;
    // Others that cannot join this batch should not wait for those that can.
    if (maxDelayMs === 0 || leader === undefined || tickets.length < this.#waiting.size) return 0;
    return chooseDispatch({
      rows: this.#waiting.rowsOf(leader.shapeClass),
      enoughRows,
      waitedMs: now - leader.entry.owner.arrivedAt,
      maxDelayMs,
      silentMs: this.#rate.silentMs(now),
      meanGapMs: this.#rate.meanGapMs,
    });
  }
}
