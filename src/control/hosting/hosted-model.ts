import { setTimeout as sleep } from 'node:timers/promises';
import { errorFactsOf, PlinthError, type ErrorFacts } from '../../core/errors/index.ts';
import { isServing, type RoutedModel } from '../../core/messages/index.ts';
import type { ModelFacts, ModelSpec } from '../../core/models/index.ts';
import type { VersionFacts } from '../../core/records/index.ts';
import type { Logger } from '../../core/telemetry/index.ts';
import { completeSpec, type ModelPlan } from './choose-model-plans.ts';
import { chooseObtainRetry } from './choose-obtain-retry.ts';
import type { ControlEvent, ControlObserver } from './control-events.ts';
import {
  replicaError,
  type PlacedModel,
  type Placement,
  type PlacementListener,
  type ReplicaEnd,
  type ReplicaReport,
  type WarmingReplica,
} from '../placement/index.ts';
import { screenOnnxFile, type ModelStore, type ObtainedModel } from '../registry/index.ts';
import type { WarmUpReport } from './warming/index.ts';

/** Starts that may fail before whoever waits for the model is told; they go on after that. */
const TOLERATED_FAILURES = 3;
/** A request does not wait for a replica that will not even be tried within this time. */
const LONGEST_WORTHWHILE_WAIT_MS = 5_000;

export interface HostedModelOptions {
  readonly plan: ModelPlan;
  readonly store: ModelStore;
  readonly placement: Placement;
  readonly logger: Logger;
  readonly observer: ControlObserver;
  /** What the snapshot says of this model has changed. */
  readonly onChanged: () => void;
  /** Its files are there and its replicas are not started before this has resolved. */
  readonly enter?: ((claim: MemoryClaim) => Promise<void>) | undefined;
  /** Runs requests on a replica that nobody is sent to yet. Never rejects. */
  readonly warmUp?: ((replica: WarmingReplica, facts: { readonly signal: AbortSignal }) => Promise<WarmUpReport>) | undefined;
  /** Called at every first answer. */
  readonly onFound?: ((facts: VersionFacts) => void) | undefined;
  /** Where variables that the configuration names are; the process's own when absent. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
}

/** What is about to take memory. */
export interface MemoryClaim {
  readonly spec: ModelSpec;
  readonly replicaCount: number;
  /** Of all files; 0 without any. */
  readonly fileBytes: number;
  readonly obtained?: ObtainedModel;
  /** Aborts when the model is no longer to be loaded. */
  readonly signal: AbortSignal;
  /** Says why it has to wait, to whoever asks; undefined when that is over. */
  readonly hold: (reason: ErrorFacts | undefined) => void;
}

type Lost = Parameters<PlacementListener['onLost']>[0];

/**
 * One version of a model on its way from a plan to ready replicas, and what there is to say of it meanwhile. It is loaded once; another
 * plan for the same version is another HostedModel.
 */
export class HostedModel implements PlacementListener {
  readonly #options: HostedModelOptions;
  readonly #abort = new AbortController();
  readonly #ready = Promise.withResolvers<ModelFacts>();
  readonly #settled = Promise.withResolvers<void>();
  readonly #createdAt = Math.floor(Date.now() / 1_000);
  #placed: PlacedModel | undefined;
  #facts: ModelFacts | undefined;
  #failure: string | undefined;
  /** When the next try comes after the failure; never when undefined. */
  #retryInMs: number | undefined;
  #failedStarts = 0;
  #obtained: ObtainedModel | undefined;
  #obstacle: ErrorFacts | undefined;
  readonly warmUp: PlacementListener['warmUp'];

  constructor(options: HostedModelOptions) {
    this.#options = options;
    const { warmUp } = options;
    this.warmUp = warmUp && ((replica) => this.#warm(replica, warmUp));
    // Nobody has to wait for a model; those who do get the rejection through `whenReady`.
    this.#ready.promise.catch(() => undefined);
  }

  get name(): string {
    return this.#options.plan.spec.name;
  }

  /** The facts at the first answer, or the PlinthError that keeps it from answering. */
  whenReady(): Promise<ModelFacts> {
    return this.#facts === undefined ? this.#ready.promise : Promise.resolve(this.#facts);
  }

  get obstacle(): ErrorFacts | undefined {
    return this.#obstacle;
  }

  /** Resolves at the first answer or the first failure. */
  whenSettled(): Promise<void> {
    return this.#settled.promise;
  }

  get isServing(): boolean {
    return isServing(this.routed());
  }

  /** Obtains and checks the file, as often as that can help, and places the replicas. Never rejects. */
  async start(): Promise<void> {
    const { plan, placement } = this.#options;
    if (plan.ensemble !== undefined) return this.#becomeReady(plan.ensemble);
    try {
      const spec = plan.reference === undefined ? await this.#checkInPlace(plan.spec) : await this.#obtain(plan.reference);
      await this.#enter(spec);
      if (this.#abort.signal.aborted) return;
      this.#placed = placement.place(spec, plan.replicaCount, this);
      this.#options.onChanged();
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      const { version } = plan.spec;
      this.#options.logger.error({ model: this.name, version, err: error }, 'model cannot be served');
    }
  }

  /** Stops obtaining; its replicas are ended by placement. */
  stop(): void {
    this.#abort.abort();
    this.#ready.reject(
      new PlinthError({ code: 'cancelled', message: `Plinth stops before the model '${this.name}' was ready.` }),
    );
    this.#settled.resolve();
  }

  /** Takes it out of service: its replicas finish what they hold and end, at the latest after `drainMs`. Resolves when they are gone. */
  async retire(drainMs: number): Promise<void> {
    this.stop();
    await this.#placed?.retire(drainMs);
  }

  reports(): readonly ReplicaReport[] {
    return this.#placed?.reports() ?? [];
  }

  routed(): RoutedModel {
    const replicas = this.#placed?.routed() ?? [];
    const { name, version, queueLength, queueTimeoutMs } = this.#options.plan.spec;
    const isBusy = replicas.some((replica) => replica.state === 'ready' || replica.state === 'draining');
    const isComing = isBusy || replicas.some((replica) => replica.state === 'loading' || replica.state === 'unready');
    const isHeld = this.#failure !== undefined && !isComing && (this.#retryInMs ?? Infinity) > LONGEST_WORTHWHILE_WAIT_MS;
    return {
      name,
      version,
      createdAt: this.#createdAt,
      ...(this.#facts && { facts: this.#facts }),
      replicas,
      queueLength,
      queueTimeoutMs,
      ...(this.#failure !== undefined && !isBusy && { failure: this.#failure }),
      ...(isHeld && { isHeld }),
    };
  }

  onChanged(): void {
    this.#options.onChanged();
  }

  onLoading(replicaId: string): void {
    this.#tell({ type: 'replica-loading', model: this.name, replica: replicaId });
  }

  onReady(ready: Parameters<PlacementListener['onReady']>[0]): void {
    const facts = this.#options.plan.describe(ready.facts);
    if (this.#facts === undefined) this.#options.onFound?.(describeVersion(facts, this.#obtained));
    this.#becomeReady(facts);
    this.#tell({ type: 'replica-ready', model: this.name, replica: ready.replicaId, facts, loadMs: ready.loadMs });
  }

  #becomeReady(facts: ModelFacts): void {
    this.#facts = facts;
    this.#failure = undefined;
    this.#obstacle = undefined;
    this.#options.onChanged();
    this.#ready.resolve(facts);
    this.#settled.resolve();
  }

  onLost({ replicaId, end, retryInMs }: Lost): void {
    this.#tell({
      type: 'replica-lost',
      model: this.name,
      replica: replicaId,
      reason: end.reason,
      detail: end.detail,
      ...(retryInMs !== undefined && { retryInMs }),
    });
    if (this.#facts !== undefined && retryInMs !== undefined) {
      this.#failure = `The replica of the model '${this.name}' was lost (${end.reason}) and is being replaced.`;
      this.#retryInMs = retryInMs;
      return this.#options.onChanged();
    }
    this.#noteFailedStart(end, retryInMs);
  }

  #noteFailedStart(end: ReplicaEnd, retryInMs: number | undefined): void {
    const { facts } = replicaError(this.name, end);
    this.#failedStarts += 1;
    this.#noteFailure(facts, retryInMs);
    if (retryInMs === undefined || this.#failedStarts >= TOLERATED_FAILURES) this.#reject(facts);
  }

  #reject(facts: ErrorFacts, cause?: unknown): void {
    this.#obstacle = facts;
    this.#ready.reject(new PlinthError(facts, { cause }));
  }

  async #enter(spec: ModelSpec): Promise<void> {
    const { plan, enter } = this.#options;
    const { signal } = this.#abort;
    if (enter === undefined || signal.aborted) return;
    const obtained = this.#obtained;
    const hold = (reason: ErrorFacts | undefined): void => {
      this.#failure = undefined;
      this.#obstacle = undefined;
      if (reason === undefined) return this.#options.onChanged();
      this.#reject(reason);
      this.#noteFailure(reason, undefined);
    };
    try {
      const { replicaCount } = plan;
      await enter({ spec, replicaCount, fileBytes: obtained?.bytes ?? 0, ...(obtained && { obtained }), signal, hold });
    } catch (error) {
      if (!signal.aborted) hold(errorFactsOf(error));
      throw error;
    }
    hold(undefined);
  }

  /** Only the first replica of a version: one that takes the place of a lost one is waited for. */
  async #warm(replica: WarmingReplica, warmUp: NonNullable<HostedModelOptions['warmUp']>): Promise<number> {
    if (this.#facts !== undefined) return 0;
    const { name, version } = this.#options.plan.spec;
    const report = await warmUp(replica, { signal: this.#abort.signal });
    if (report.requests > 0) this.#tell({ type: 'version-warmed', model: name, version, ...report });
    return report.requests;
  }

  /** A file of a model repository is served where it lies. */
  async #checkInPlace(spec: ModelSpec): Promise<ModelSpec> {
    if (spec.filePath === undefined) return spec;
    try {
      await screenOnnxFile(spec.filePath, { signal: this.#abort.signal });
      return spec;
    } catch (error) {
      const facts = errorFactsOf(error);
      if (!this.#abort.signal.aborted) this.#noteFailure(facts, undefined);
      this.#reject(facts, error);
      throw error;
    }
  }

  async #obtain(reference: string): Promise<ModelSpec> {
    for (let failures = 1; ; failures++) {
      try {
        return await this.#obtainOnce(reference);
      } catch (error) {
        if (this.#abort.signal.aborted) throw error;
        if (!(error instanceof PlinthError))
          this.#options.logger.error({ model: this.name, err: error }, 'the model store failed');
        const facts = errorFactsOf(error);
        const retryInMs = chooseObtainRetry({ error: facts, failures, jitter: Math.random() });
        this.#noteFailure(facts, retryInMs);
        this.#reject(facts, error);
        if (retryInMs === undefined) throw error;
        await sleep(retryInMs, undefined, { signal: this.#abort.signal });
      }
    }
  }

  async #obtainOnce(reference: string): Promise<ModelSpec> {
    const obtained = await this.#options.store.obtain(reference, {
      signal: this.#abort.signal,
      onProgress: (progress) => this.#tell({ type: 'pull-progressed', model: this.name, progress }),
      onSourceFailed: (source, reason) => this.#tell({ type: 'source-failed', model: this.name, source, reason }),
    });
    this.#obtained = obtained;
    this.#tell({ type: 'model-obtained', model: this.name, source: obtained.source, fileBytes: obtained.bytes });
    return completeSpec(this.#options.plan, obtained);
  }

  #noteFailure(error: ErrorFacts, retryInMs: number | undefined): void {
    this.#failure = error.message;
    this.#retryInMs = retryInMs;
    this.#options.onChanged();
    this.#tell({ type: 'model-failed', model: this.name, error, ...(retryInMs !== undefined && { retryInMs }) });
    this.#settled.resolve();
  }

  #tell(event: ControlEvent): void {
    this.#options.observer(event);
  }
}

function describeVersion({ engine, quantization, fileBytes }: ModelFacts, obtained: ObtainedModel | undefined): VersionFacts {
  if (obtained === undefined) return { bytes: fileBytes, engine, precision: quantization };
  const { sha256, bytes, source, licence } = obtained;
  return { sha256, bytes, source, ...(licence !== undefined && { licence }), engine, precision: quantization };
}
