import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';
import type { Config } from '../core/config/index.ts';
import { PlinthError } from '../core/errors/index.ts';
import type { KeyVerifier, RoutedModel, RoutedReplica, RoutingSnapshot, SnapshotSource } from '../core/messages/index.ts';
import type { ModelFacts } from '../core/models/index.ts';
import type { Logger, Metrics } from '../core/telemetry/index.ts';
import { chooseModelPlans, type ModelPlan } from './choose-model-plans.ts';
import type { ControlObserver } from './control-events.ts';
import { HostedModel } from './hosted-model.ts';
import {
  openManagementPort,
  registerHealthRoutes,
  registerMetricsRoute,
  registerStatusRoutes,
  type ManagementPort,
} from './management/index.ts';
import {
  openRunFolder,
  Placement,
  recordReplicaMetrics,
  registerReplicaRoutes,
  type ReplicaReport,
  type RunFolder,
} from './placement/index.ts';
import type { ModelStore } from './registry/index.ts';
import { SnapshotBoard } from './snapshot-board.ts';

/** What the control room needs; the command line opens store and keyring and closes them after `stop`. */
export interface ControlOptions {
  readonly config: Config;
  readonly store: ModelStore;
  readonly keyring: KeyVerifier;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** Opens the management port besides admin keys; made anew at each boot, kept in a file that only the user reads. */
  readonly localToken: string;
  /** Someone asked over the management port for a drain; the command line begins it. */
  readonly onDrainRequested: () => void;
  readonly observer?: ControlObserver;
  /** The program of a replica; the worker of this package when absent. */
  readonly workerPath?: string;
}

/** The running control room: keeps the configured models loaded and tells gateways where they are. */
export interface Control extends SnapshotSource {
  /** `http://127.0.0.1:8081`, with the port that was really taken. */
  readonly managementUrl: string;
  /** Names of the configured models, in order. */
  readonly modelNames: readonly string[];
  replicas(): readonly ReplicaReport[];
  /** Settles when the model first answers (its facts), or with the PlinthError that keeps it from doing so. */
  whenReady(model: string): Promise<ModelFacts>;
  /** Resolves when every model is either ready or has failed for the first time. Never rejects. */
  whenSettled(): Promise<void>;
  /** Ready replicas become `draining` in the snapshot, `/readyz` answers 503; supervision goes on. */
  beginDrain(): void;
  /** Ends all replicas, removes their sockets, closes the management port. Safe to call again. */
  stop(): Promise<void>;
}

/**
 * Opens the management port and starts the configured models; resolves as soon as the port listens, while models still load. A model
 * that cannot be obtained or loaded leaves the others alone. Throws `invalid_request` when the port cannot be opened or two models have
 * the same name. `config.home` is absolute.
 */
export async function startControl(options: ControlOptions): Promise<Control> {
  const plans = chooseModelPlans(options.config);
  const room = new ControlRoom({ ...options, plans, runFolder: await openRunFolder(options.config.home) });
  try {
    await room.open();
  } catch (error) {
    await room.stop();
    throw error;
  }
  return room;
}

interface RoomOptions extends ControlOptions {
  readonly plans: readonly ModelPlan[];
  readonly runFolder: RunFolder;
}

class ControlRoom implements Control {
  readonly #options: RoomOptions;
  readonly #board: SnapshotBoard;
  readonly #placement: Placement;
  readonly #models: readonly HostedModel[];
  readonly #startedAtUnixMs = Date.now();
  #port: ManagementPort | undefined;
  #isDraining = false;
  #stopped: Promise<void> | undefined;

  constructor(options: RoomOptions) {
    this.#options = options;
    const { runFolder, metrics, logger, store, observer = () => undefined } = options;
    this.#board = new SnapshotBoard({ readModels: () => this.#readModels(), logger });
    this.#placement = new Placement({ runFolder, metrics, logger, workerPath: options.workerPath ?? ownWorkerPath() });
    const room = { store, placement: this.#placement, logger, observer, onChanged: () => this.#board.publish() };
    this.#models = options.plans.map((plan) => new HostedModel({ ...room, plan }));
    this.#board.publish();
  }

  async open(): Promise<void> {
    this.#port = await openManagementPort({ ...this.#options, mount: (app) => this.#mountRoutes(app) });
    for (const model of this.#models) void model.start();
  }

  get managementUrl(): string {
    return this.#port?.url ?? '';
  }

  get modelNames(): readonly string[] {
    return this.#models.map((model) => model.name);
  }

  current(): RoutingSnapshot {
    return this.#board.current();
  }

  subscribe(listener: (snapshot: RoutingSnapshot) => void): () => void {
    return this.#board.subscribe(listener);
  }

  replicas(): readonly ReplicaReport[] {
    return this.modelNames.flatMap((name) => this.#placement.reports(name));
  }

  whenReady(name: string): Promise<ModelFacts> {
    const model = this.#models.find((candidate) => candidate.name === name);
    if (model !== undefined) return model.whenReady();
    return Promise.reject(new PlinthError({ code: 'model_not_found', message: `The model '${name}' is not configured.` }));
  }

  async whenSettled(): Promise<void> {
    await Promise.all(this.#models.map((model) => model.whenSettled()));
  }

  beginDrain(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    this.#board.publish();
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#endAll();
    return this.#stopped;
  }

  async #endAll(): Promise<void> {
    this.beginDrain();
    for (const model of this.#models) model.stop();
    await Promise.all([this.#placement.stop(), this.#port?.close()]);
  }

  #readModels(): readonly RoutedModel[] {
    return this.#models.map((model) =>
      model.routed(this.#placement.routedReplicas(model.name).map((replica) => this.#route(replica))),
    );
  }

  #route(replica: RoutedReplica): RoutedReplica {
    return this.#isDraining && replica.state === 'ready' ? { ...replica, state: 'draining' } : replica;
  }

  #mountRoutes(app: FastifyInstance): void {
    const { metrics, logger, onDrainRequested } = this.#options;
    registerHealthRoutes(app, { isReady: () => this.current().isReady });
    registerMetricsRoute(app, { metrics, recordNow: () => recordReplicaMetrics(metrics, this.replicas()) });
    registerReplicaRoutes(app, { reports: () => this.replicas() });
    registerStatusRoutes(app, {
      startedAtUnixMs: this.#startedAtUnixMs,
      isReady: () => this.current().isReady,
      isDraining: () => this.#isDraining,
      models: () => this.current().models,
      requestDrain: () => {
        logger.info('a drain was asked for over the management port');
        onDrainRequested();
      },
    });
  }
}

/** The worker room's program, in the same form (source or compiled) as this file. */
function ownWorkerPath(): string {
  return fileURLToPath(new URL(`../worker/worker-process${extname(import.meta.url)}`, import.meta.url));
}
