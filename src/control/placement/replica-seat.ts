import { errorTable } from '../../core/errors/index.ts';
import type { RoutedReplica } from '../../core/messages/index.ts';
import { chooseBackoff } from './choose-backoff.ts';
import { Replica, type ReplicaEnd, type ReplicaOptions } from './replica.ts';
import type { ReplicaReport } from './replica-report.ts';

export type SeatReplicaOptions = Omit<ReplicaOptions, 'id' | 'socketPath' | 'onStateChanged' | 'onEnded'>;

export interface SeatOptions {
  readonly replica: SeatReplicaOptions;
  /** Gives a new process its id and the path of its socket, neither ever used before. */
  readonly nameReplica: () => { readonly id: string; readonly socketPath: string };
  readonly onStarted: (replica: Replica) => void;
  readonly onStateChanged: (replica: Replica) => void;
  /** A replica is gone. `retryInMs` is undefined when no successor can help. */
  readonly onLost: (replica: Replica, end: ReplicaEnd, retryInMs: number | undefined) => void;
}

/** A place that is to hold a working replica: fills it, and fills it again with growing patience when its replica is lost. */
export class ReplicaSeat {
  readonly #options: SeatOptions;
  #replica: Replica;
  #isOccupied = true;
  #failures = 0;
  #restarts = 0;
  #lastFailure: ReplicaReport['lastFailure'];
  #retryTimer: NodeJS.Timeout | undefined;
  #whenStopped: (() => void) | undefined;

  constructor(options: SeatOptions) {
    this.#options = options;
    this.#replica = this.#start();
  }

  get routed(): RoutedReplica {
    const { id, state, socketPath, facts } = this.#replica;
    return { id, state, socketPath, slots: facts?.slots ?? this.#options.replica.spec.slots };
  }

  get report(): ReplicaReport {
    const { id, pid, state, sinceUnixMs, rssBytes } = this.#replica;
    const { runnableSequences: _, ...progress } = this.#replica.progress;
    return {
      model: this.#options.replica.spec.name,
      id,
      ...(this.#isOccupied && pid !== undefined && { pid }),
      state,
      sinceUnixMs,
      restarts: this.#restarts,
      ...(this.#lastFailure && { lastFailure: this.#lastFailure }),
      rssBytes: this.#isOccupied ? rssBytes : 0,
      slots: this.routed.slots,
      ...progress,
    };
  }

  get replica(): Replica {
    return this.#replica;
  }

  tick(nowMs: number): void {
    if (this.#isOccupied) this.#replica.tick(nowMs);
  }

  /** Resolves when its process is gone; nothing is started after that. */
  stop(): Promise<void> {
    clearTimeout(this.#retryTimer);
    if (!this.#isOccupied) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenStopped = resolve;
      this.#replica.stop();
    });
  }

  #start(): Replica {
    const replica: Replica = new Replica({
      ...this.#options.replica,
      ...this.#options.nameReplica(),
      onStateChanged: () => this.#options.onStateChanged(replica),
      onEnded: (end) => this.#replace(replica, end),
    });
    this.#options.onStarted(replica);
    return replica;
  }

  #replace(lost: Replica, end: ReplicaEnd): void {
    this.#isOccupied = false;
    if (this.#whenStopped !== undefined) return this.#whenStopped();
    this.#lastFailure = { reason: end.reason, detail: end.detail, atUnixMs: Date.now() };
    const { delayMs, failures } = chooseBackoff({
      previousFailures: this.#failures,
      healthyMs: end.healthyMs,
      reason: end.reason,
      jitter: Math.random(),
    });
    this.#failures = failures;
    const isHopeless = end.error !== undefined && !errorTable[end.error.code].isRetryable;
    if (!isHopeless) this.#retryTimer = setTimeout(() => this.#refill(), delayMs);
    this.#options.onLost(lost, end, isHopeless ? undefined : delayMs);
  }

  #refill(): void {
    this.#restarts += 1;
    this.#isOccupied = true;
    this.#replica = this.#start();
    this.#options.onStateChanged(this.#replica);
  }
}
