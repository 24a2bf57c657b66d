import type { RoutedModel, RoutedReplica } from '../../core/messages/index.ts';
import type { ModelLoad } from './choose-admission.ts';
import type { ReplicaCandidate } from './choose-replica.ts';

const MEAN_WEIGHT = 0.1;

/** The requests of one model that are under way: how many, on which replica, and who waits for one. */
export class ModelSeats {
  readonly #perReplica = new Map<string, number>();
  readonly #waiters = new Set<() => void>();
  readonly #lent = new Set<() => void>();
  #inFlight = 0;
  #meanSeatMs = 0;

  get inFlight(): number {
    return this.#inFlight;
  }

  enter(): void {
    this.#inFlight += 1;
  }

  leave(): void {
    this.#inFlight -= 1;
  }

  take(replicaId: string): void {
    this.#perReplica.set(replicaId, (this.#perReplica.get(replicaId) ?? 0) + 1);
  }

  giveBack(replicaId: string): void {
    const held = (this.#perReplica.get(replicaId) ?? 0) - 1;
    if (held > 0) this.#perReplica.set(replicaId, held);
    else this.#perReplica.delete(replicaId);
  }

  /** A seat is held until somebody needs it: `end` then gives it back at once. Returns the way to keep it from being called. */
  lend(end: () => void): () => void {
    this.#lent.add(end);
    return () => this.#lent.delete(end);
  }

  /** Takes the seat back that has been lent for longest; false when none is. */
  reclaim(): boolean {
    const [end] = this.#lent;
    if (end === undefined) return false;
    this.#lent.delete(end);
    end();
    return true;
  }

  recordSeatMs(seatMs: number): void {
    this.#meanSeatMs += this.#meanSeatMs === 0 ? seatMs : (seatMs - this.#meanSeatMs) * MEAN_WEIGHT;
  }

  /** Calls back once, when a replica may have become available; returns the way to stop that. */
  wait(wake: () => void): () => void {
    this.#waiters.add(wake);
    return () => this.#waiters.delete(wake);
  }

  wakeAll(): void {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const wake of waiters) wake();
  }

  load(model: RoutedModel, ready: readonly RoutedReplica[]): ModelLoad {
    return {
      model: model.name,
      inFlight: this.#inFlight,
      slots: ready.reduce((sum, replica) => sum + replica.slots, 0),
      queueLength: model.queueLength,
      meanSeatMs: this.#meanSeatMs,
      failure: model.failure,
    };
  }

  candidates(ready: readonly RoutedReplica[], failedIds: readonly string[]): ReplicaCandidate[] {
    return ready.map((replica) => ({
      replica,
      id: replica.id,
      slots: replica.slots,
      inFlight: this.#perReplica.get(replica.id) ?? 0,
      hasFailed: failedIds.includes(replica.id),
    }));
  }
}
