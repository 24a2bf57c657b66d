import { join } from 'node:path';
import type { RoutedReplica } from '../../core/messages/index.ts';
import type { ModelFacts, ModelSpec } from '../../core/models/index.ts';
import type { Logger, Metrics } from '../../core/telemetry/index.ts';
import { PatientClock } from './patient-clock.ts';
import type { Replica, ReplicaEnd, ReplicaTimes, WarmingReplica } from './replica.ts';
import type { ReplicaReport } from './replica-report.ts';
import { ReplicaSeat } from './replica-seat.ts';
import type { RunFolder } from './processes/index.ts';

const TICK_MS = 250;
const MOST_BLAMED_MS = 2 * TICK_MS;
const TIMES: ReplicaTimes = { loadTimeoutMs: 600_000, firstAnswerTimeoutMs: 120_000 };

/** What placement tells of one model's replicas. */
export interface PlacementListener {
  /** Some replica's state has changed: `routed` gives another answer now. */
  onChanged(): void;
  onLoading(replicaId: string): void;
  /** The replica has answered and is not ready before this has resolved, with the number of requests that it ran. Never rejects. */
  readonly warmUp?: ((replica: WarmingReplica) => Promise<number>) | undefined;
  /** A real answer came out. `loadMs` counts from the start of the process. */
  onReady(ready: { readonly replicaId: string; readonly facts: ModelFacts; readonly loadMs: number }): void;
  /** A replica is gone; without `retryInMs` none will follow. */
  onLost(lost: { readonly replicaId: string; readonly end: ReplicaEnd; readonly retryInMs: number | undefined }): void;
}

/** Where replicas live and which program they run; `times` are 10 min to load and 2 min to the first answer when absent. */
export interface PlacementOptions {
  readonly runFolder: RunFolder;
  /** Absolute path of the program of a replica. */
  readonly workerPath: string;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly times?: Partial<ReplicaTimes>;
}

/** The replicas that one call of `place` brought into being. */
export interface PlacedModel {
  routed(): readonly RoutedReplica[];
  reports(): readonly ReplicaReport[];
  /**
   * Takes the replicas away: they are `draining` at once, end when what they hold is done, or after `drainMs`. Resolves when the last
   * process is gone.
   */
  retire(drainMs: number): Promise<void>;
}

/** Keeps as many working replicas of each model as are wanted, each a child process, on this machine. */
export class Placement {
  readonly #options: PlacementOptions;
  readonly #clock = new PatientClock(MOST_BLAMED_MS);
  readonly #seats = new Set<ReplicaSeat>();
  readonly #timer: NodeJS.Timeout;
  #replicaCount = 0;
  #stopped: Promise<void> | undefined;

  constructor(options: PlacementOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /** Starts `replicaCount` replicas of a model and keeps them alive. */
  place(spec: ModelSpec, replicaCount: number, listener: PlacementListener): PlacedModel {
    const count = this.#stopped === undefined ? replicaCount : 0;
    const seats = Array.from({ length: count }, () => this.#openSeat(spec, listener));
    for (const seat of seats) this.#seats.add(seat);
    return {
      routed: () => seats.map((seat) => seat.routed),
      reports: () => seats.map((seat) => seat.report),
      retire: (drainMs) => this.#retire(seats, drainMs, listener),
    };
  }

  /** Ends all replicas and removes their sockets; resolves when the last process is gone. Safe to call again. */
  stop(): Promise<void> {
    this.#stopped ??= this.#endAll();
    return this.#stopped;
  }

  async #endAll(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all([...this.#seats].map((seat) => seat.stop()));
    this.#options.runFolder.remove();
  }

  async #retire(seats: readonly ReplicaSeat[], drainMs: number, listener: PlacementListener): Promise<void> {
    const gone = seats.map((seat) => seat.retire(this.#clock.nowMs, drainMs));
    listener.onChanged();
    await Promise.all(gone);
    for (const seat of seats) this.#seats.delete(seat);
  }

  #tick(): void {
    const nowMs = this.#clock.tick();
    for (const seat of this.#seats) seat.tick(nowMs);
  }

  #openSeat(spec: ModelSpec, listener: PlacementListener): ReplicaSeat {
    const { workerPath, times } = this.#options;
    const logger = this.#options.logger.child({ model: spec.name, version: spec.version });
    return new ReplicaSeat({
      replica: {
        spec,
        workerPath,
        logger,
        times: { ...TIMES, ...times },
        warmUp: listener.warmUp,
        nowMs: () => this.#clock.nowMs,
      },
      nameReplica: () => this.#nameReplica(),
      onStarted: (replica) => {
        logger.info({ replica: replica.id, pid: replica.pid }, 'replica starts');
        listener.onLoading(replica.id);
      },
      onStateChanged: (replica) => {
        listener.onChanged();
        if (replica.state === 'ready') this.#noteReady(replica, { logger, listener });
      },
      onLost: (replica, end, retryInMs) => {
        this.#options.metrics.replicaReplacements.inc({ model: spec.name, reason: end.reason });
        logger.warn({ replica: replica.id, reason: end.reason, detail: end.detail, retryInMs }, 'replica lost');
        listener.onLost({ replicaId: replica.id, end, retryInMs });
      },
    });
  }

  #noteReady(replica: Replica, to: { readonly logger: Logger; readonly listener: PlacementListener }): void {
    if (replica.facts === undefined) return;
    const loadMs = Math.round(replica.loadMs);
    to.logger.info({ replica: replica.id, pid: replica.pid, loadMs }, 'replica ready');
    to.listener.onReady({ replicaId: replica.id, facts: replica.facts, loadMs });
  }

  #nameReplica(): { readonly id: string; readonly socketPath: string } {
    const id = `r${++this.#replicaCount}`;
    return { id, socketPath: join(this.#options.runFolder.path, `${id}.sock`) };
  }
}
