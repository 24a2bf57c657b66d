import { setTimeout as sleep } from 'node:timers/promises';
import { PlinthError } from '../../../core/errors/index.ts';
import type { RepositoryEntry, RoutedModel } from '../../../core/messages/index.ts';
import type { ModelFacts } from '../../../core/models/index.ts';
import type { VersionRecord } from '../../../core/records/index.ts';
import type { ReplicaReport } from '../../placement/index.ts';
import type { ModelPlan } from '../choose-model-plans.ts';
import type { HostedPlan, PlanHooks } from '../host-plan.ts';
import { readFreeBytes } from '../memory/index.ts';
import { describeEntry, describeState, type VersionState } from './describe-state.ts';
import { FollowedVersion, type WantedVersion } from './followed-version.ts';
import { RoomKeeper } from './room-keeper.ts';
import { settleSwap } from './settle-swap.ts';
import { LoadWatch, type LoadWatchOptions } from './watch-load.ts';

/** What lines stand on: how a version of the book is planned and hosted, and how long begun work may take when it leaves. */
export interface LineOptions extends Omit<LoadWatchOptions, 'room' | 'hasOthers'> {
  readonly plan: (record: VersionRecord) => ModelPlan;
  readonly host: (plan: ModelPlan, hooks: PlanHooks) => HostedPlan;
  readonly drainMs: number;
  /** Memory that new processes may take; asks the operating system when absent. */
  readonly readFreeBytes?: (() => Promise<number>) | undefined;
}

/** How long a version may be waited for that nothing asks for yet: what asks for it may be on its way. */
const APPEAR_MS = 30_000;

/** The versions of the book that are wanted in this process, and their coming and going. */
export class LineFleet {
  readonly #options: LineOptions;
  readonly #versions = new Map<string, FollowedVersion>();
  /** Models that somebody has unloaded by name. */
  readonly #putAway = new Set<string>();
  readonly #room: RoomKeeper;
  readonly #watch: LoadWatch;
  #names: ReadonlySet<string> = new Set();
  #changed = Promise.withResolvers<void>();
  #isDue = false;
  #isStopped = false;

  constructor(options: LineOptions) {
    this.#options = options;
    this.#room = new RoomKeeper({
      readFreeBytes: options.readFreeBytes ?? readFreeBytes,
      versions: () => this.#all(),
      logger: options.logger,
    });
    this.#watch = new LoadWatch({
      ...options,
      room: this.#room,
      onChanged: () => this.#onChanged(),
      hasOthers: (one) => this.#siblings(one).some((other) => other.isServing || (other.isWanted && other.isComing)),
    });
  }

  /** Loads what is wanted and not here, and takes out of service what is here and not wanted, once what is wanted answers. */
  follow(wanted: readonly WantedVersion[]): void {
    const kept = new Set(wanted.map(({ record }) => keyOf(record)));
    for (const [key, one] of this.#versions) if (!kept.has(key)) one.isWanted = false;
    for (const one of wanted) {
      const known = this.#versions.get(keyOf(one.record));
      if (known === undefined) this.#versions.set(keyOf(one.record), this.#open(one));
      else known.want(one);
    }
    this.#names = new Set(wanted.map(({ record }) => record.model));
    this.#reconcile();
    this.#notify();
  }

  has(model: string): boolean {
    return this.#names.has(model) || this.#of(model).length > 0;
  }

  get names(): readonly string[] {
    return [...new Set([...this.#names, ...this.#all().map(({ model }) => model)])];
  }

  find(model: string, version: string): FollowedVersion | undefined {
    return this.#versions.get(keyOf({ model, version }));
  }

  /** Resolves when the version answers. Rejects with what keeps it from that. */
  async ensureLoaded(model: string, version: string, signal?: AbortSignal): Promise<void> {
    const appearBy = performance.now() + APPEAR_MS;
    await this.#until(signal, () => {
      const one = this.find(model, version);
      if (one?.isServing === true) return true;
      const failure = this.#failureOf(model, one);
      if (failure !== undefined) throw failure;
      if (one?.isWanted === true || performance.now() < appearBy) return undefined;
      throw notReady(`Nothing asks for ${model}:${version} to be loaded.`);
    });
  }

  /** The facts of the highest version that answers, or what keeps all of them from it. */
  whenReady(model: string): Promise<ModelFacts> {
    return this.#until(undefined, () => {
      const versions = this.#of(model).toSorted((a, b) => Number(b.version) - Number(a.version));
      const serving = versions.find(({ isServing }) => isServing);
      const facts = serving?.hosted.routed()?.facts;
      if (facts !== undefined) return facts;
      const wanted = versions.filter(({ isWanted }) => isWanted);
      if (wanted.some(({ isComing }) => isComing) && !this.#isStopped && !this.#putAway.has(model)) return undefined;
      throw this.#failureOf(model, wanted[0]) ?? notReady(`The model '${model}' is not loaded.`);
    });
  }

  /** Resolves when every version that was begun has answered or failed for the first time. */
  async whenSettled(): Promise<void> {
    await Promise.all(this.#all().map(({ hosted }) => hosted.current?.whenSettled()));
  }

  /** Why none of a model's versions is in the snapshot. */
  failureOf(model: string): string | undefined {
    const versions = this.#of(model);
    if (versions.some(({ hosted }) => hosted.routed() !== undefined)) return undefined;
    return versions.find(({ obstacle }) => obstacle !== undefined)?.obstacle?.message;
  }

  get isUnloaded(): boolean {
    return this.#all().every((one) => !this.#isMeantToRun(one) && one.obstacle === undefined);
  }

  statesOf(model: string): readonly VersionState[] {
    return this.#of(model).map(describeState);
  }

  routed(): readonly RoutedModel[] {
    return this.#all().flatMap(({ hosted }) => hosted.routed() ?? []);
  }

  reports(): readonly ReplicaReport[] {
    return this.#all().flatMap(({ hosted }) => hosted.reports());
  }

  index(routed: readonly RoutedModel[]): readonly RepositoryEntry[] {
    return this.#all().map((one) =>
      describeEntry(
        one,
        routed.find(({ name, version }) => name === one.model && version === one.version),
      ),
    );
  }

  /** Loads all wanted versions of a model anew, each while the one before answers. Rejects with the first failure. */
  async load(model: string): Promise<void> {
    this.#putAway.delete(model);
    const wanted = this.#of(model).filter(({ isWanted }) => isWanted);
    const again = wanted.filter((one) => !one.hosted.isIdle).map((one) => one.hosted.replace(this.#options.plan(one.record)));
    for (const one of wanted) one.givenUp = undefined;
    this.#reconcile();
    await Promise.all([...again, ...wanted.map((one) => this.ensureLoaded(one.model, one.version))]);
  }

  /** Takes all versions of a model out of service until somebody loads it again. */
  unload(model: string): void {
    this.#putAway.add(model);
    this.#reconcile();
    this.#options.onChanged();
  }

  /** Runs captured requests against a version that answers; what they say is thrown away. */
  async warmUp(
    model: string,
    version: string,
    order: { readonly requests: number; readonly signal: AbortSignal },
  ): Promise<void> {
    const one = this.find(model, version);
    const replica = one?.hosted.routed()?.replicas.find(({ state }) => state === 'ready');
    if (one === undefined || replica === undefined) throw notReady(`The version ${model}:${version} is not loaded.`);
    if (replica.upstream === undefined) one.warmUp = await this.#watch.warm(one, replica, order);
  }

  stop(): void {
    this.#isStopped = true;
    for (const { hosted } of this.#versions.values()) hosted.stop();
    this.#notify();
  }

  #open(wanted: WantedVersion): FollowedVersion {
    const { host, drainMs } = this.#options;
    return new FollowedVersion({
      wanted,
      host: (plan, one) => host(plan, this.#watch.hooksFor(one)),
      drainMs,
      onChanged: () => this.#onChanged(),
    });
  }

  #reconcile(): void {
    if (this.#isStopped) return;
    for (const one of this.#all()) settleSwap(one, this.#options);
    let hasBegun = false;
    for (const [key, one] of this.#versions) {
      this.#forgetReasons(one);
      if (this.#isMeantToRun(one)) hasBegun = this.#begin(one) || hasBegun;
      else if (!one.hosted.isIdle && this.#mayLeave(one)) void one.hosted.retire();
      if (one.isGone) one.claim = undefined;
      if (one.isGone && !one.isWanted && !one.isRestored && !this.#isNeededBack(one)) this.#versions.delete(key);
    }
    // Whoever hears of it may have other versions followed at once; nothing is told when nothing was begun, or that would not end.
    if (hasBegun) this.#options.onChanged();
  }

  /** What kept a version from being loaded may be over. */
  #forgetReasons(one: FollowedVersion): void {
    if (!one.isWanted) one.givenUp = undefined;
    if (one.displacedBy?.isWanted === false || (one.isWanted && !one.isSpare)) one.displacedBy = undefined;
    if (one.isRestored && this.#siblings(one).some((other) => other.isWanted && other.isServing)) one.isRestored = false;
  }

  #isMeantToRun(one: FollowedVersion): boolean {
    const isAsked = one.isWanted || one.isRestored;
    return isAsked && one.displacedBy === undefined && one.givenUp === undefined && !this.#putAway.has(one.model);
  }

  #isNeededBack(one: FollowedVersion): boolean {
    return this.#siblings(one).some((other) => other.swap?.left.includes(one));
  }

  /** What answers stays until something that is wanted does. */
  #mayLeave(one: FollowedVersion): boolean {
    if (!one.isServing || this.#putAway.has(one.model)) return true;
    const wanted = this.#siblings(one).filter(({ isWanted }) => isWanted);
    return wanted.length === 0 || wanted.some(({ isServing }) => isServing);
  }

  #begin(one: FollowedVersion): boolean {
    if (!one.hosted.isIdle) return false;
    try {
      one.hosted.begin(this.#options.plan(one.record));
      return true;
    } catch (error) {
      const { model, version } = one;
      const failure = error instanceof PlinthError ? error.facts : notReady(`${model}:${version} cannot be planned.`).facts;
      one.givenUp = failure;
      this.#options.logger.error({ model, version, reason: failure.message }, 'version cannot be served');
      this.#options.observer({ type: 'version-failed', model, version, error: failure });
      return false;
    }
  }

  #failureOf(model: string, one: FollowedVersion | undefined): PlinthError | undefined {
    if (this.#putAway.has(model)) return notReady(`The model '${model}' was unloaded by name; load it by name.`);
    if (this.#isStopped) return new PlinthError({ code: 'cancelled', message: `Plinth stops before '${model}' was ready.` });
    return one?.failure();
  }

  /** What `look` gives once that is something; asks again after every change. */
  async #until<T>(signal: AbortSignal | undefined, look: () => T | undefined): Promise<T> {
    for (;;) {
      const changed = this.#changed.promise;
      if (signal?.aborted) throw new PlinthError({ code: 'cancelled', message: 'Nobody waits for the version any more.' });
      const seen = look();
      if (seen !== undefined) return seen;
      const { promise, resolve } = Promise.withResolvers<void>();
      const onAbort = (): void => resolve();
      signal?.addEventListener('abort', onAbort, { once: true });
      await Promise.race([changed, promise, sleep(1_000, undefined, { ref: false })]);
      signal?.removeEventListener('abort', onAbort);
    }
  }

  #onChanged(): void {
    this.#options.onChanged();
    this.#notify();
    if (this.#isDue) return;
    this.#isDue = true;
    queueMicrotask(() => {
      this.#isDue = false;
      this.#reconcile();
    });
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
    this.#room.wake();
  }

  #all(): readonly FollowedVersion[] {
    return [...this.#versions.values()];
  }

  #of(model: string): readonly FollowedVersion[] {
    return this.#all().filter((one) => one.model === model);
  }

  #siblings(one: FollowedVersion): readonly FollowedVersion[] {
    return this.#of(one.model).filter((other) => other !== one);
  }
}

function keyOf({ model, version }: Pick<VersionRecord, 'model' | 'version'>): string {
  return `${model}:${version}`;
}

function notReady(message: string): PlinthError {
  return new PlinthError({ code: 'model_not_ready', message });
}
