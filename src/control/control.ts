import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';
import type { Config } from '../core/config/index.ts';
import { errorFactsOf, PlinthError } from '../core/errors/index.ts';
import type {
  EvidenceSink,
  InferencePort,
  KeyVerifier,
  ModelRepository,
  ReceiptBook,
  RoutedModel,
  RoutedReplica,
  RoutingSnapshot,
  SnapshotSource,
} from '../core/messages/index.ts';
import type { ModelFacts } from '../core/models/index.ts';
import type { VersionFacts } from '../core/records/index.ts';
import type { Logger, Metrics } from '../core/telemetry/index.ts';
import type { Book } from './book/index.ts';
import { hostPlan, ModelFleet, ModelOffers, RepositoryWatch, type ControlObserver, type ModelOffer } from './hosting/index.ts';
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
import { createWarmUp, ReleaseRoom, type ReleaseRoomBook } from './release-room.ts';
import { SnapshotBoard } from './snapshot-board.ts';

/** What the control room needs; the command line opens store and keyring and closes them after `stop`. */
export interface ControlOptions {
  readonly config: Config;
  readonly store: ModelStore;
  readonly book: ReleaseRoomBook & Pick<Book, 'kind' | 'isStale'>;
  /** Requests to the models of this process. */
  readonly inference: InferencePort;
  /** Receipts of this process's gateway. */
  readonly receipts: ReceiptBook;
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
  /** Names of the models that are loaded at start, in order. */
  readonly modelNames: readonly string[];
  /** Loads and unloads models by name. */
  readonly repository: ModelRepository;
  /** Where gateways leave what they see of versions. */
  readonly evidence: EvidenceSink;
  /** Why a model has not even a version that could be loaded, in words fit for a caller. */
  failureOf(model: string): string | undefined;
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
  const runFolder = await openRunFolder(options.config.home);
  const offers = new ModelOffers({ config: options.config, privateFolder: runFolder.path });
  const room = new ControlRoom({ ...options, offers, runFolder });
  try {
    await room.open(await offers.readAll());
  } catch (error) {
    await room.stop();
    throw error;
  }
  return room;
}

interface RoomOptions extends ControlOptions {
  readonly offers: ModelOffers;
  readonly runFolder: RunFolder;
}

class ControlRoom implements Control {
  readonly #options: RoomOptions;
  readonly #board: SnapshotBoard;
  readonly #placement: Placement;
  readonly #fleet: ModelFleet;
  readonly #watch: RepositoryWatch;
  #releases: ReleaseRoom | undefined;
  readonly #startedAtUnixMs = Date.now();
  #modelNames: readonly string[] = [];
  #port: ManagementPort | undefined;
  #isOpen = false;
  #isDraining = false;
  #stopped: Promise<void> | undefined;

  constructor(options: RoomOptions) {
    this.#options = options;
    const { config, offers, runFolder, metrics, logger, store, observer = () => undefined } = options;
    const { controlMode, pollMs } = config.repository;
    const onChanged = () => this.#publish();
    this.#placement = new Placement({ runFolder, metrics, logger, workerPath: options.workerPath ?? ownWorkerPath() });
    const room = { store, placement: this.#placement, logger, observer, onChanged };
    this.#fleet = new ModelFleet({
      ...room,
      offers,
      host: (plan, hooks) => hostPlan({ ...room, ...hooks, plan }),
      warmUpRequests: createWarmUp(options.book),
      onVersionFound: (version, found) => void this.#noteFacts(version, found),
      drainMs: config.limits.drainMs,
      allowsRequests: () => controlMode !== 'poll',
    });
    this.#watch = new RepositoryWatch({ offers, fleet: this.#fleet, pollMs, logger });
    this.#board = new SnapshotBoard({
      readModels: () => this.#readModels(),
      readTraffic: (models) => this.#releases?.traffic(models) ?? [],
      isUnloaded: () => this.#fleet.isUnloaded,
      logger,
    });
  }

  async open(offers: readonly ModelOffer[]): Promise<void> {
    const { controlMode, loadModels } = this.#options.config.repository;
    this.#checkNames(offers.map(({ name }) => name));
    this.#releases = await ReleaseRoom.open(
      { ...this.#options, models: () => this.current().models, onChanged: () => this.#publish() },
      this.#fleet,
    );
    for (const offer of offers) if (offer.recordable === undefined) this.#fleet.add(offer);
    this.#modelNames = offers
      .filter(({ name, origin }) => {
        if (controlMode !== 'explicit' || origin === 'configured') return true;
        return loadModels.includes('*') || loadModels.includes(name);
      })
      .map(({ name }) => name);
    this.#port = await openManagementPort({ ...this.#options, mount: (app) => this.#mountRoutes(app) });
    if (controlMode === 'poll') await this.#watch.start();
    const recordable = offers.flatMap((offer) => offer.recordable ?? []);
    await this.#releases.adopt(recordable);
    const names = new Set(recordable.map(({ model }) => model));
    await Promise.all(this.#modelNames.filter((name) => !names.has(name)).map((name) => this.#fleet.begin(name)));
    this.#releases.reconcile([]);
    this.#isOpen = true;
    this.#publish();
  }

  /** Which versions are loaded depends on who answers, and who answers on which are loaded: one is published, then the other sought. */
  #publish(): void {
    // Until all of what is configured is known, the first of it that answers would make the whole look ready.
    if (!this.#isOpen) return;
    this.#board.publish();
    this.#releases?.reconcile(this.current().models);
  }

  async #noteFacts(version: { readonly model: string; readonly version: string }, found: VersionFacts): Promise<void> {
    try {
      await this.#options.book.noteVersionFacts(version, found);
    } catch (error) {
      this.#options.logger.warn(
        { ...version, reason: errorFactsOf(error).message },
        'what loading a version found out could not be noted',
      );
    }
  }

  get evidence(): EvidenceSink {
    if (this.#releases === undefined) throw new PlinthError({ code: 'internal_error', message: 'Control is not open yet.' });
    return this.#releases.evidence;
  }

  #checkNames(names: readonly string[]): void {
    const { config, logger } = this.#options;
    const { controlMode, loadModels } = config.repository;
    const param = 'repository.loadModels';
    if (loadModels.length > 0 && controlMode !== 'explicit')
      throw new PlinthError({ code: 'invalid_request', message: `${param} needs repository.controlMode explicit.`, param });
    const unknown = loadModels.find((name) => name !== '*' && !names.includes(name));
    if (unknown !== undefined) {
      const message = `${param} names '${unknown}', and none of the configured folders has a model of that name.`;
      throw new PlinthError({ code: 'invalid_request', message, param });
    }
    if (names.length === 0 && config.models.length > 0)
      logger.warn('the configured folders hold no model: a model is a folder like <name>/1/model.onnx, or an .onnx file');
  }

  get managementUrl(): string {
    return this.#port?.url ?? '';
  }

  get modelNames(): readonly string[] {
    return this.#modelNames;
  }

  get repository(): ModelRepository {
    return this.#fleet;
  }

  failureOf(name: string): string | undefined {
    return this.#fleet.failureOf(name);
  }

  current(): RoutingSnapshot {
    return this.#board.current();
  }

  subscribe(listener: (snapshot: RoutingSnapshot) => void): () => void {
    return this.#board.subscribe(listener);
  }

  replicas(): readonly ReplicaReport[] {
    return this.#fleet.reports();
  }

  whenReady(name: string): Promise<ModelFacts> {
    return this.#fleet.whenReady(name);
  }

  whenSettled(): Promise<void> {
    return this.#fleet.whenSettled();
  }

  beginDrain(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    this.#publish();
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#endAll();
    return this.#stopped;
  }

  async #endAll(): Promise<void> {
    this.beginDrain();
    this.#watch.stop();
    this.#fleet.stop();
    await Promise.all([this.#placement.stop(), this.#port?.close(), this.#releases?.close()]);
  }

  #readModels(): readonly RoutedModel[] {
    return this.#fleet.routed().map((model) => ({ ...model, replicas: model.replicas.map((replica) => this.#route(replica)) }));
  }

  #route(replica: RoutedReplica): RoutedReplica {
    return this.#isDraining && replica.state === 'ready' ? { ...replica, state: 'draining' } : replica;
  }

  #recordMetrics(): void {
    const { book, metrics } = this.#options;
    recordReplicaMetrics(metrics, this.replicas());
    metrics.bookStale.set(book.isStale() ? 1 : 0);
  }

  #mountRoutes(app: FastifyInstance): void {
    const { book, metrics, logger, onDrainRequested } = this.#options;
    registerHealthRoutes(app, { isReady: () => this.current().isReady });
    registerMetricsRoute(app, { metrics, recordNow: () => this.#recordMetrics() });
    registerReplicaRoutes(app, { reports: () => this.replicas() });
    this.#releases?.mountRoutes(app);
    registerStatusRoutes(app, {
      startedAtUnixMs: this.#startedAtUnixMs,
      holder: this.#releases?.holder ?? '',
      book: () => ({ kind: book.kind, isStale: book.isStale() }),
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
