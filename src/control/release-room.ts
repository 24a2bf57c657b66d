import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import type { Config } from '../core/config/index.ts';
import { errorFactsOf, PlinthError } from '../core/errors/index.ts';
import { isServing, type EvidenceSink, type InferencePort, type ReceiptBook, type RoutedModel } from '../core/messages/index.ts';
import type { EvidenceRecords, LeaseRecords, ReleaseRecords } from '../core/records/index.ts';
import type { Logger, Metrics } from '../core/telemetry/index.ts';
import type { ModelTraffic } from '../core/traffic/index.ts';
import {
  armsOf,
  experimentPlanSchema,
  openExperimentEngine,
  registerExperimentRoutes,
  type ExperimentEngine,
} from './experiments/index.ts';
import type { ModelFleet, RecordableModel } from './hosting/index.ts';
import { actorOf } from './management/index.ts';
import { PromotedRollouts } from './promoted-rollouts.ts';
import { EvidenceRetention } from './evidence-retention.ts';
import { ReleaseLines } from './release-lines.ts';
import { registerPlanRoutes, registerReleaseRoutes, ReleaseBoard, ReleasePlanner, Releases } from './releases/index.ts';
import {
  createAssessor,
  createCaptureWriter,
  openRolloutEngine,
  readStartRequest,
  registerRehearsalRoutes,
  registerRolloutRoutes,
  rolloutPlanSchema,
  warmUpRequests,
  type Assessor,
  type CaptureWriter,
  type RolloutEngine,
} from './rollouts/index.ts';

/** The parts of the book that releases are kept in. */
export type ReleaseRoomBook = ReleaseRecords & LeaseRecords & EvidenceRecords;

export interface ReleaseRoomOptions {
  readonly config: Config;
  readonly book: ReleaseRoomBook;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Requests to the versions of this process; they fail while no gateway runs. */
  readonly inference: InferencePort;
  /** Receipts of this process's gateway. */
  readonly receipts: ReceiptBook;
  readonly models: () => readonly RoutedModel[];
  /** The book says something else, or time has come. */
  readonly onChanged: () => void;
}

const ADOPT_AGAIN_MS = 2_000;

interface Parts {
  readonly holder: string;
  readonly lines: ReleaseLines;
  readonly board: ReleaseBoard;
  readonly releases: Releases;
  readonly rollouts: RolloutEngine;
  readonly experiments: ExperimentEngine;
}

/** Versions, traffic, rollouts and experiments of this process: what the book says of them, and who changes that. */
export class ReleaseRoom {
  readonly #options: ReleaseRoomOptions;
  readonly #fleet: ModelFleet;
  readonly #parts: Parts;
  readonly #captures: CaptureWriter;
  readonly #retention: EvidenceRetention;
  /** What this process is called where it holds a lease: another name at every start. */
  readonly holder: string;
  #followed = '';
  #adopting: NodeJS.Timeout | undefined;
  #isClosed = false;

  private constructor(options: ReleaseRoomOptions, fleet: ModelFleet, parts: Parts) {
    const { config, book, logger, onChanged } = options;
    this.#options = options;
    this.#fleet = fleet;
    this.#parts = parts;
    this.holder = parts.holder;
    this.#captures = createCaptureWriter({ records: book, mostPerModel: config.releases.captureMost, logger });
    this.#retention = new EvidenceRetention({ book, logger });
    parts.board.subscribe(onChanged);
  }

  static async open(options: ReleaseRoomOptions, fleet: ModelFleet): Promise<ReleaseRoom> {
    const { book, logger, metrics } = options;
    const holder = randomUUID();
    const board = await ReleaseBoard.open({ book, logger });
    const promoted = new PromotedRollouts({ book, logger, onFound: options.onChanged });
    const lines = new ReleaseLines({
      config: options.config,
      read: () => board.current(),
      promotedOf: (contents, model) => promoted.find(contents, model),
      onDue: options.onChanged,
    });
    const releases = new Releases({
      book,
      knownModels: () => fleet.names,
      servingVersion: (model) => lines.servingVersion(options.models(), model),
      versionsOfExperiment: (record) => armsOf(record).map(({ version }) => version),
      isOfFolder: (model) => fleet.isOfFolder(model),
      onChanged: () => board.refresh(),
    });
    const assessor = openAssessor(options);
    const textless = (model: string) => textlessVersions(options.models(), model);
    const rollouts = await openRolloutEngine({ book, fleet, assessor, textless, holder, logger, metrics });
    const experiments = await openExperimentEngine({ book, holder, logger });
    return new ReleaseRoom(options, fleet, { holder, lines, board, releases, rollouts, experiments });
  }

  /** Records what the configuration names. Without a book to write to, what it says already is served, and this is done later. */
  async adopt(models: readonly RecordableModel[]): Promise<void> {
    const { logger } = this.#options;
    this.#parts.lines.configured = new Set(models.map(({ model }) => model));
    if (await this.#tryAdopting(models)) return;
    logger.warn('the book cannot be written now: what it said last is served, what the configuration has changed since follows');
    this.#adoptLater(models);
  }

  #adoptLater(models: readonly RecordableModel[]): void {
    const again = async (): Promise<void> => {
      try {
        if (!(await this.#tryAdopting(models)) && !this.#isClosed) this.#adoptLater(models);
      } catch (error) {
        this.#options.logger.error({ err: error }, 'what the configuration says cannot be recorded');
      }
    };
    this.#adopting = setTimeout(() => void again(), ADOPT_AGAIN_MS).unref();
  }

  /** Whether it is done; false while the book cannot be written. */
  async #tryAdopting(models: readonly RecordableModel[]): Promise<boolean> {
    const { logger } = this.#options;
    try {
      for (const { model, outcome, words } of await this.#parts.releases.adoptConfigured(models))
        if (outcome === 'refused') logger.error({ model, outcome }, words);
        else if (outcome === 'held') logger.warn({ model, outcome }, words);
        else if (outcome === 'added' || outcome === 'reused') logger.info({ model, outcome }, words);
    } catch (error) {
      if (errorFactsOf(error).code !== 'model_unavailable') throw error;
      return false;
    }
    return true;
  }

  get evidence(): EvidenceSink {
    const { rollouts, experiments } = this.#parts;
    return {
      observe: (observation) => {
        rollouts.observe(observation);
        experiments.observe(observation);
      },
      compare: (comparison) => rollouts.compare(comparison),
      capture: (request, at) => this.#captures.capture(request, at),
      feedback: (feedback) => rollouts.feedback(feedback),
    };
  }

  traffic(models: readonly RoutedModel[]): readonly ModelTraffic[] {
    return this.#parts.lines.traffic(models);
  }

  /** Has this process load what it should; to be called after every snapshot. */
  reconcile(models: readonly RoutedModel[]): void {
    const wanted = this.#parts.lines.wanted(models);
    const key = JSON.stringify(wanted.map(({ record, why }) => [record, why]));
    if (key === this.#followed) return;
    this.#followed = key;
    this.#fleet.follow(wanted);
  }

  mountRoutes(app: FastifyInstance): void {
    const { book, inference, logger, receipts } = this.#options;
    const { board, lines, releases, rollouts, experiments } = this.#parts;
    // One of its own: live comparisons would fill the other's queue.
    const assessor = openAssessor(this.#options);
    registerReleaseRoutes(app, releases, { board, actorOf, statesOf: (model) => this.#fleet.statesOf(model) });
    registerPlanRoutes(app, this.#planner(), { actorOf });
    registerRolloutRoutes(app, rollouts);
    registerExperimentRoutes(app, experiments, { actorOf });
    registerRehearsalRoutes(app, {
      inference,
      records: book,
      releases: book,
      assessor,
      logger,
      ensureLoaded: (model, version, signal) => this.#fleet.ensureLoaded(model, version, signal),
      keepLoaded: (model, versions) => lines.keepLoaded(model, versions),
      flushCaptures: () => this.#captures.flush(),
    });
    app.get<{ Params: { id: string } }>('/plinth/v1/requests/:id', ({ params }) => {
      const receipt = receipts.find(params.id);
      if (receipt !== undefined) return receipt;
      const message = `No receipt of '${params.id.slice(0, 100)}' is kept here: receipts of the newest ${this.#options.config.releases.receipts} requests of this process are (releases.receipts).`;
      throw new PlinthError({ code: 'not_found', message });
    });
  }

  /** Hands over to other processes of the book. */
  async close(): Promise<void> {
    const { lines, board, rollouts, experiments } = this.#parts;
    this.#isClosed = true;
    clearTimeout(this.#adopting);
    lines.close();
    board.close();
    await Promise.all([rollouts.close(), experiments.close(), this.#captures.close(), this.#retention.close()]);
  }

  #planner(): ReleasePlanner {
    const { lines, releases, rollouts, experiments } = this.#parts;
    return new ReleasePlanner({
      releases,
      knownModels: () => this.#fleet.names,
      servingVersion: (model) => lines.servingVersion(this.#options.models(), model),
      versionsOfExperiment: (record) => armsOf(record).map(({ version }) => version),
      forms: { rolloutPlan: rolloutPlanSchema, experimentPlan: experimentPlanSchema },
      starts: {
        startRollout: (order, actor) => rollouts.start(readStartRequest(order), actor),
        startExperiment: (order, actor) => experiments.start(order, actor),
      },
    });
  }
}

function textlessVersions(models: readonly RoutedModel[], name: string): readonly string[] {
  const isTextless = ({ facts }: RoutedModel) =>
    facts !== undefined && !facts.capabilities.some((one) => one === 'chat' || one === 'completion');
  return models.filter((model) => model.name === name && isTextless(model)).map(({ version }) => version);
}

/** Captured requests that warm a version up. */
export function createWarmUp(book: EvidenceRecords) {
  return (model: string, count: number) => warmUpRequests(book, model, count);
}

function openAssessor({ config, inference, logger, models }: ReleaseRoomOptions): Assessor {
  const { embeddingModel, judgeModel } = config.releases;
  return createAssessor({
    inference,
    logger,
    isServed: (model) => models().some((one) => one.name === model && isServing(one)),
    ...(embeddingModel !== undefined && { embeddingModel }),
    ...(judgeModel !== undefined && { judgeModel }),
  });
}
