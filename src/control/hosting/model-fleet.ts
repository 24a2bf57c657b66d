import { errorFactsOf, PlinthError } from '../../core/errors/index.ts';
import type { LoadOverride, ModelRepository, RepositoryEntry, RoutedModel } from '../../core/messages/index.ts';
import type { ModelFacts } from '../../core/models/index.ts';
import type { Logger } from '../../core/telemetry/index.ts';
import { chooseEnsembleStates } from './choose-ensemble-state.ts';
import type { ModelPlan } from './choose-model-plans.ts';
import type { ControlObserver } from './control-events.ts';
import type { HostedPlan, PlanHooks } from './host-plan.ts';
import { HostedVersion } from './hosted-version.ts';
import { LineFleet, type LineOptions, type VersionState, type WantedVersion } from './lines/index.ts';
import type { ModelOffer, ModelOffers, OfferedModel } from './model-offers.ts';
import type { ReplicaReport } from '../placement/index.ts';

/** What a fleet stands on; what is optional is for versions of the book. */
export interface FleetOptions extends Pick<
  LineOptions,
  'readFreeBytes' | 'warmUpRequests' | 'warmUpCount' | 'onVersionFound' | 'drainMs'
> {
  readonly offers: ModelOffers;
  /** Makes a plan answer. `hooks` replace what it would be told of otherwise. */
  readonly host: (plan: ModelPlan, hooks?: PlanHooks) => HostedPlan;
  readonly allowsRequests: () => boolean;
  readonly logger: Logger;
  readonly observer: ControlObserver;
  readonly onChanged: () => void;
}

/** A name with its versions. */
interface Hosted {
  offer: ModelOffer;
  readonly versions: Map<string, HostedVersion>;
  /** Files of loads that are still in use. */
  discard: () => Promise<void>;
  /** Why the name's folder cannot be served. */
  failure: string | undefined;
  /** Loads and unloads of one name come one after the other. */
  turn: Promise<void>;
}

type IsChanged = (version: string) => boolean;

const NO_OVERRIDE = 'its versions are recorded in the book: add another version instead of another configuration';
const POLLING = 'explicit model load / unload is not allowed if polling is enabled';

/**
 * Every name that can be served with the versions that are, and their coming and going: names of folders, which number their versions
 * themselves, and lines, whose versions are in the book.
 */
export class ModelFleet implements ModelRepository {
  readonly #options: FleetOptions;
  readonly #hosted = new Map<string, Hosted>();
  readonly #begun = new Set<string>();
  readonly #lines: LineFleet;
  readonly #doubles = new Set<string>();

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#lines = new LineFleet({ ...options, plan: (record) => options.offers.plan(record) });
  }

  /**
   * Brings the versions of lines to what is wanted of them: loads what is not here while everything else serves on, and takes what is
   * not wanted out of service once what is wanted answers. To be called after every change; calling it again changes nothing. A name
   * whose folder numbers its versions and is loaded stays with its folder.
   */
  follow(wanted: readonly WantedVersion[]): void {
    const names = new Set(wanted.map(({ record }) => record.model));
    const taken = new Set([...names].filter((name) => this.isOfFolder(name)));
    for (const name of names) if (!taken.has(name)) this.#hosted.delete(name);
    for (const name of taken) this.#warnOfTwo(name);
    this.#lines.follow(wanted.filter(({ record }) => !taken.has(record.model)));
  }

  /** Whether a name's own folder numbers its versions and has some that are loaded. */
  isOfFolder(name: string): boolean {
    return (this.#hosted.get(name)?.versions.size ?? 0) > 0;
  }

  #warnOfTwo(name: string): void {
    if (this.#doubles.has(name)) return;
    this.#doubles.add(name);
    this.#options.logger.error(
      { model: name },
      'a folder and the book both have versions of this model; those of the folder are served',
    );
  }

  /**
   * Resolves when the version answers, which may take until it is wanted. Rejects with the PlinthError that keeps it from answering:
   * `model_not_ready` when nothing asks for it, `model_unavailable` when memory is too short, else what loading it fails with.
   */
  async ensureLoaded(model: string, version: string, signal?: AbortSignal): Promise<void> {
    const own = this.#hosted.get(model)?.versions.get(version)?.current;
    if (own !== undefined) await own.whenReady();
    else await this.#lines.ensureLoaded(model, version, signal);
  }

  isServing(model: string, version: string): boolean {
    const own = this.#hosted.get(model)?.versions.get(version);
    return own?.isServing ?? this.#lines.find(model, version)?.isServing ?? false;
  }

  /** Runs captured requests against a version of a line that answers. Throws `model_not_ready` when it does not. */
  async warmUp(
    model: string,
    version: string,
    order: { readonly requests: number; readonly signal: AbortSignal },
  ): Promise<void> {
    await this.#lines.warmUp(model, version, order);
  }

  /** Whether the name is known in this process. */
  has(model: string): boolean {
    return this.#hosted.has(model) || this.#lines.has(model);
  }

  /** The versions of a line in this process; empty for other names. */
  statesOf(model: string): readonly VersionState[] {
    return this.#lines.statesOf(model);
  }

  /** Makes a name known without loading it. Lines are left alone. */
  add(offer: ModelOffer): void {
    if (this.#lines.has(offer.name)) return;
    const known = this.#hosted.get(offer.name);
    if (known !== undefined) known.offer = offer;
    else {
      const discard = (): Promise<void> => Promise.resolve();
      this.#hosted.set(offer.name, { offer, versions: new Map(), discard, failure: undefined, turn: Promise.resolve() });
    }
  }

  /**
   * Starts a name that was added, once, with the steps of an ensemble, and keeps trying. Resolves when it is on its way; what cannot be
   * read is noted as its failure.
   */
  async begin(name: string): Promise<void> {
    if (this.#begun.has(name)) return;
    this.#begun.add(name);
    const hosted = this.#find(name);
    try {
      const offered = await hosted.offer.read();
      hosted.discard = offered.discard;
      for (const plan of offered.plans) this.#versionOf(hosted, plan.spec.version).begin(plan);
      for (const step of stepsOf(offered.plans)) if (this.#hosted.has(step)) await this.begin(step);
    } catch (error) {
      const facts = errorFactsOf(error);
      hosted.failure = facts.message;
      this.#options.logger.error({ model: name, reason: facts.message }, 'model cannot be served');
      this.#options.observer({ type: 'model-failed', model: name, error: facts });
    }
    this.#options.onChanged();
  }

  /** The facts of the highest version, or what keeps it from answering. */
  async whenReady(name: string): Promise<ModelFacts> {
    if (this.#lines.has(name)) return this.#lines.whenReady(name);
    const hosted = this.#hosted.get(name);
    if (hosted === undefined)
      throw new PlinthError({ code: 'model_not_found', message: `The model '${name}' is not configured.` });
    const [highest] = [...hosted.versions.values()].toSorted((a, b) => Number(b.version) - Number(a.version));
    if (highest?.current !== undefined) return highest.current.whenReady();
    throw new PlinthError({ code: 'model_not_ready', message: hosted.failure ?? `The model '${name}' is not loaded.` });
  }

  /** Resolves when every version that was begun has answered or failed for the first time. */
  async whenSettled(): Promise<void> {
    await Promise.all([...this.#versions().map((version) => version.current?.whenSettled()), this.#lines.whenSettled()]);
  }

  get names(): readonly string[] {
    return [...new Set([...this.#hosted.keys(), ...this.#lines.names])];
  }

  /** Why a name has no version at all, if that is so. */
  failureOf(name: string): string | undefined {
    return this.#hosted.get(name)?.failure ?? this.#lines.failureOf(name);
  }

  /** Nothing is meant to be served: all of it was unloaded, or nothing was asked for yet. */
  get isUnloaded(): boolean {
    const hasFailed = [...this.#hosted.values()].some(({ failure }) => failure !== undefined);
    return !hasFailed && this.#versions().every((version) => version.isIdle) && this.#lines.isUnloaded;
  }

  routed(): readonly RoutedModel[] {
    const own = this.#versions().flatMap((version) => version.routed() ?? []);
    return chooseEnsembleStates([...own, ...this.#lines.routed()]);
  }

  reports(): readonly ReplicaReport[] {
    return [...this.#versions().flatMap((version) => version.reports()), ...this.#lines.reports()];
  }

  index(): readonly RepositoryEntry[] {
    const routed = this.routed();
    const own = [...this.#hosted.values()].flatMap(({ offer: { name }, versions, failure }): readonly RepositoryEntry[] => {
      const entries = [...versions.values()]
        .toSorted((a, b) => Number(a.version) - Number(b.version))
        .map((one) => one.entry(routed.find((model) => model.name === name && model.version === one.version)));
      if (entries.length > 0) return entries;
      return [failure === undefined ? { name } : { name, state: 'UNAVAILABLE', reason: failure }];
    });
    return [...own, ...this.#lines.index(routed)];
  }

  async load(name: string, override?: LoadOverride): Promise<void> {
    this.#refuseWhilePolling();
    await this.#loadNamed(name, { override, path: [] });
  }

  async unload(name: string, dependents: 'keep' | 'unload'): Promise<void> {
    this.#refuseWhilePolling();
    if (this.#lines.has(name)) return this.#lines.unload(name);
    const hosted = this.#hosted.get(name);
    if (hosted === undefined)
      throw new PlinthError({ code: 'model_not_found', message: `failed to unload '${name}', the model is not known` });
    const inner = dependents === 'unload' ? stepModelsOf(hosted) : [];
    await this.#inTurn(hosted, async () => this.#retire(hosted));
    for (const step of inner) if (this.#hosted.has(step) || this.#lines.has(step)) await this.unload(step, 'unload');
  }

  /** Loads what has changed of a name, and lets go of versions that are gone. Failures are logged and stand in the index. */
  async refresh(name: string, isChanged: IsChanged): Promise<void> {
    if (this.#lines.has(name)) return;
    const hosted = this.#find(name);
    try {
      const offered = await this.#read(hosted);
      await this.#inTurn(hosted, () => this.#adopt(hosted, offered, isChanged));
    } catch (error) {
      this.#options.logger.error({ model: name, reason: errorFactsOf(error).message }, 'a changed model cannot be loaded');
    }
  }

  /** Takes a name out of service and forgets it. */
  async forget(name: string): Promise<void> {
    const hosted = this.#hosted.get(name);
    if (hosted === undefined) return;
    await this.#inTurn(hosted, async () => this.#retire(hosted));
    this.#hosted.delete(name);
    this.#options.onChanged();
  }

  stop(): void {
    for (const version of this.#versions()) version.stop();
    this.#lines.stop();
  }

  async #loadNamed(
    name: string,
    load: { readonly override: LoadOverride | undefined; readonly path: readonly string[] },
  ): Promise<void> {
    if (load.path.includes(name))
      throw failedLoad(name, refuse(`circular dependency between ensembles: ${[...load.path, name].join(' → ')}`));
    try {
      if (this.#lines.has(name)) return await this.#loadLine(name, load.override);
      const hosted = await this.#discover(name, load.override);
      const offered = await this.#read(hosted, load.override);
      await this.#loadSteps(offered, [...load.path, name]);
      await this.#inTurn(hosted, () => this.#adopt(hosted, offered, () => true));
    } catch (error) {
      throw failedLoad(name, error);
    }
  }

  async #loadLine(name: string, override: LoadOverride | undefined): Promise<void> {
    if (override !== undefined) throw refuse(NO_OVERRIDE);
    await this.#lines.load(name);
  }

  /** Folders are looked at again for names that were not there before, and for what a name is now. */
  async #discover(name: string, override: LoadOverride | undefined): Promise<Hosted> {
    const known = this.#hosted.get(name);
    if (known?.offer.origin === 'configured') return known;
    const offers = await this.#options.offers.readFolders().catch((): readonly ModelOffer[] => []);
    const offer =
      offers.find((candidate) => candidate.name === name) ??
      (override?.files === undefined ? undefined : this.#options.offers.offerSent(name));
    if (offer === undefined) {
      const message = 'failed to poll from model repository';
      throw new PlinthError({ code: 'model_not_found', message });
    }
    this.add(offer);
    return this.#find(name);
  }

  async #read(hosted: Hosted, override?: LoadOverride): Promise<OfferedModel> {
    try {
      return await hosted.offer.read(override);
    } catch (error) {
      if (hosted.versions.size === 0) hosted.failure = errorFactsOf(error).message;
      throw error;
    }
  }

  async #adopt(hosted: Hosted, offered: OfferedModel, isChanged: IsChanged): Promise<void> {
    const before = hosted.discard;
    try {
      await this.#apply(hosted, offered, isChanged);
    } catch (error) {
      const isUsed = [...hosted.versions.values()].some(({ plan }) => plan !== undefined && offered.plans.includes(plan));
      if (isUsed) hosted.discard = async () => void (await Promise.all([before(), offered.discard()]));
      else await offered.discard();
      throw error;
    }
    hosted.discard = offered.discard;
    hosted.failure = undefined;
    await before();
  }

  /** An ensemble brings its steps with it. */
  async #loadSteps({ plans }: OfferedModel, path: readonly string[]): Promise<void> {
    for (const step of stepsOf(plans)) {
      const versions = [...(this.#hosted.get(step)?.versions.values() ?? [])];
      const isLoaded = versions.some((version) => !version.isIdle) || this.#lines.statesOf(step).some(isHere);
      if (!isLoaded || path.includes(step)) await this.#loadNamed(step, { override: undefined, path });
    }
  }

  async #apply(hosted: Hosted, { plans }: OfferedModel, isChanged: IsChanged): Promise<void> {
    const kept = new Set(plans.map((plan) => plan.spec.version));
    const outcomes = await Promise.allSettled(
      plans.map(async (plan) => {
        const version = this.#versionOf(hosted, plan.spec.version);
        if (version.isIdle || isChanged(plan.spec.version)) await version.replace(plan);
      }),
    );
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    for (const version of hosted.versions.values()) if (!kept.has(version.version) && !version.isIdle) void version.retire();
  }

  #retire(hosted: Hosted): void {
    const { discard } = hosted;
    hosted.discard = () => Promise.resolve();
    const gone = [...hosted.versions.values()].filter((version) => !version.isIdle).map((version) => version.retire());
    void Promise.all(gone).then(discard);
  }

  async #inTurn(hosted: Hosted, work: () => Promise<void>): Promise<void> {
    const before = hosted.turn;
    const own = before.then(work);
    hosted.turn = own.catch(() => undefined);
    await own;
  }

  #refuseWhilePolling(): void {
    if (!this.#options.allowsRequests()) throw new PlinthError({ code: 'model_unavailable', message: POLLING });
  }

  #find(name: string): Hosted {
    const hosted = this.#hosted.get(name);
    if (hosted === undefined) throw new PlinthError({ code: 'model_not_found', message: `There is no model '${name}'.` });
    return hosted;
  }

  #versions(): readonly HostedVersion[] {
    return [...this.#hosted.values()].flatMap(({ versions }) => [...versions.values()]);
  }

  #versionOf({ offer, versions }: Hosted, version: string): HostedVersion {
    const known = versions.get(version);
    if (known !== undefined) return known;
    const { host, drainMs, onChanged } = this.#options;
    const made = new HostedVersion({ name: offer.name, version, host, drainMs, onChanged });
    versions.set(version, made);
    return made;
  }
}

function isHere({ state }: VersionState): boolean {
  return state === 'ready' || state === 'loading';
}

function stepModelsOf({ versions }: Hosted): readonly string[] {
  return stepsOf([...versions.values()].flatMap((version) => version.plan ?? []));
}

function stepsOf(plans: readonly ModelPlan[]): readonly string[] {
  const steps = plans.flatMap((plan) => plan.spec.tensors?.ensembleSteps ?? []);
  return [...new Set(steps.map((step) => step.model))];
}

function refuse(message: string): PlinthError {
  return new PlinthError({ code: 'invalid_request', message });
}

function failedLoad(name: string, error: unknown): PlinthError {
  const facts = errorFactsOf(error);
  const message = facts.message.startsWith('failed to load ') ? facts.message : `failed to load '${name}', ${facts.message}`;
  return new PlinthError({ ...facts, message }, { cause: error });
}
