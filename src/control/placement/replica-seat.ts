import { errorTable } from '../../core/errors/index.ts';
import type { ReplicaState, RoutedReplica } from '../../core/messages/index.ts';
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

/**
 * A process that gets no processor may answer a ping before it reads a request that came earlier. So of the pongs that a leaving replica
 * sends, the first may answer an old ping, the second may be too early, and only the third tells of everything that was on its way.
 */
const CERTAIN_PONGS = 3;

/** A place that is to hold a working replica: fills it, and fills it again with growing patience when its replica is lost. */
export class ReplicaSeat {
  readonly #options: SeatOptions;
  #replica: Replica;
  #isOccupied = true;
  #failures = 0;
  #restarts = 0;
  #lastFailure: ReplicaReport['lastFailure'];
  #retryTimer: NodeJS.Timeout | undefined;
  #leavingUntilMs: number | undefined;
  #stopped: Promise<void> | undefined;
  #whenStopped: (() => void) | undefined;

  constructor(options: SeatOptions) {
    this.#options = options;
    this.#replica = this.#start();
  }

  get routed(): RoutedReplica {
    const { id, socketPath, facts } = this.#replica;
    return { id, state: this.#state, socketPath, slots: facts?.slots ?? this.#options.replica.spec.slots };
  }

  get report(): ReplicaReport {
    const { id, pid, sinceUnixMs, rssBytes } = this.#replica;
    const { runnableSequences: _, ...progress } = this.#replica.progress;
    const { name, version } = this.#options.replica.spec;
    return {
      model: name,
      version,
      id,
      ...(this.#isOccupied && pid !== undefined && { pid }),
      state: this.#state,
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
    if (!this.#isOccupied) return;
    this.#replica.tick(nowMs);
    if (this.#leavingUntilMs === undefined) return;
    if (this.#replica.idlePongs >= CERTAIN_PONGS || nowMs >= this.#leavingUntilMs) void this.stop();
  }

  /** Ends when it holds no work any more, at the latest after `drainMs`; nothing is started after that. Resolves when its process is gone. */
  retire(nowMs: number, drainMs: number): Promise<void> {
    if (!this.#isOccupied || this.#replica.state !== 'ready') return this.stop();
    this.#leavingUntilMs = nowMs + drainMs;
    this.#replica.forgetIdleness();
    return new Promise((resolve) => (this.#whenStopped = resolve));
  }

  /** Resolves when its process is gone; nothing is started after that. */
  stop(): Promise<void> {
    return (this.#stopped ??= this.#stop());
  }

  get #state(): ReplicaState {
    return this.#leavingUntilMs !== undefined && this.#replica.state === 'ready' ? 'draining' : this.#replica.state;
  }

  #stop(): Promise<void> {
    clearTimeout(this.#retryTimer);
    const whenRetired = this.#whenStopped;
    if (!this.#isOccupied) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenStopped = () => {
        resolve();
        whenRetired?.();
      };
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
