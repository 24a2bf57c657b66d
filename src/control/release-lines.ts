import type { Config } from '../core/config/index.ts';
import { PlinthError } from '../core/errors/index.ts';
import { isServing, type RoutedModel } from '../core/messages/index.ts';
import type { ReleaseContents, RolloutRecord } from '../core/records/index.ts';
import type { ModelTraffic } from '../core/traffic/index.ts';
import { armsOf, chooseExperimentTraffic } from './experiments/index.ts';
import { chooseLoadedVersions, chooseModelTraffic, type TrafficFacts, type WantedVersion } from './releases/index.ts';
import { chooseRolloutTraffic, isRunning, rolloutPlanSchema } from './rollouts/index.ts';

export interface LinesOptions {
  readonly config: Config;
  readonly read: () => ReleaseContents;
  /** The newest rollout of a model that was promoted. */
  readonly promotedOf: (contents: ReleaseContents, model: string) => RolloutRecord | undefined;
  /** Time, or a rehearsal, has changed what is to be loaded. */
  readonly onDue: () => void;
}

const CONFIGURATION = 'configuration';
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** What the book comes to on this machine: which versions are loaded, and who gets the requests. */
export class ReleaseLines {
  readonly #options: LinesOptions;
  /** Names in this process's own configuration. */
  configured: ReadonlySet<string> = new Set();
  readonly #published = new Map<string, { readonly traffic: ModelTraffic; readonly ready: readonly string[] }>();
  readonly #rehearsed = new Set<{ readonly model: string; readonly versions: readonly string[] }>();
  #timer: NodeJS.Timeout | undefined;
  #traffic: { readonly key: string; readonly value: readonly ModelTraffic[] } = { key: '', value: [] };

  constructor(options: LinesOptions) {
    this.#options = options;
  }

  /** The traffic of every line, given which versions are ready. */
  traffic(models: readonly RoutedModel[]): readonly ModelTraffic[] {
    const contents = this.#options.read();
    const value = linesOf(contents).map((model) => this.#trafficOf(contents, model, readyVersions(models, model)));
    const key = JSON.stringify(value);
    if (key !== this.#traffic.key) this.#traffic = { key, value };
    return this.#traffic.value;
  }

  /** The versions to load here, of every line that is served here. */
  wanted(models: readonly RoutedModel[]): readonly WantedVersion[] {
    const contents = this.#options.read();
    const now = Date.now();
    let changesAt = Infinity;
    const lines = linesOf(contents);
    const inOrder = new Set([...[...this.configured].filter((model) => lines.includes(model)), ...lines]);
    const wanted = [...inOrder].flatMap((model) => {
      if (!this.#isServedHere(contents, model)) return [];
      const traffic = this.#published.get(model)?.traffic;
      const promoted = this.#options.promotedOf(contents, model);
      const choice = chooseLoadedVersions({
        contents,
        model,
        ready: readyVersions(models, model),
        ...(traffic !== undefined && { traffic }),
        experiments: contents.experiments
          .filter((record) => record.model === model)
          .flatMap((record) => armsOf(record).map(({ version }) => ({ id: record.id, version }))),
        rehearsed: [...this.#rehearsed].filter((one) => one.model === model).flatMap((one) => one.versions),
        ...(promoted !== undefined && { promoted }),
        now,
        keepWarmMs: this.#options.config.releases.keepWarmMs,
      });
      changesAt = Math.min(changesAt, choice.changesAt ?? Infinity);
      return choice.versions;
    });
    this.#schedule(changesAt - now);
    return wanted;
  }

  /** Versions are wanted here until it is called back. Throws `conflict` for a model that this process does not serve. */
  keepLoaded(model: string, versions: readonly string[]): () => void {
    if (!this.#isServedHere(this.#options.read(), model))
      throw new PlinthError({
        code: 'conflict',
        message: `'${model}' is not served by this process; ask one that serves it.`,
        param: 'model',
      });
    const kept = { model, versions };
    this.#rehearsed.add(kept);
    this.#options.onDue();
    return () => {
      this.#rehearsed.delete(kept);
      this.#options.onDue();
    };
  }

  /** The version that answers most of a model's requests now. */
  servingVersion(models: readonly RoutedModel[], model: string): string | undefined {
    const ready = readyVersions(models, model);
    const arms = this.#published.get(model)?.traffic.arms.filter((arm) => arm.weight > 0 && ready.includes(arm.version)) ?? [];
    const [heaviest] = arms.toSorted((a, b) => b.weight - a.weight);
    return heaviest?.version ?? ready.toSorted((a, b) => b.length - a.length || (a < b ? 1 : -1))[0];
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #trafficOf(contents: ReleaseContents, model: string, ready: readonly string[]): ModelTraffic {
    const { captureShare: share, captureConsent: consent } = this.#options.config.releases;
    const rollout = contents.rollouts.find((record) => record.model === model && isRunning(record));
    const experiment = contents.experiments
      .filter((record) => record.model === model)
      .map(chooseExperimentTraffic)
      .find((traffic) => traffic !== undefined);
    const previous = this.#published.get(model);
    const traffic = chooseModelTraffic({
      contents,
      model,
      ready,
      ...rolloutTraffic(rollout),
      ...(experiment === undefined ? {} : { experiment }),
      ...(share > 0 ? { capture: { share, consent } } : {}),
      ...(previous === undefined ? {} : { previous }),
    });
    this.#published.set(model, { traffic, ready });
    return traffic;
  }

  /** Every process of a book serves what somebody has added to it; what only a configuration has named is served where it is configured. */
  #isServedHere({ versions }: ReleaseContents, model: string): boolean {
    if (this.configured.has(model)) return true;
    return versions.some((record) => record.model === model && record.addedBy !== CONFIGURATION);
  }

  #schedule(delayMs: number): void {
    clearTimeout(this.#timer);
    if (delayMs === Infinity) return;
    this.#timer = setTimeout(this.#options.onDue, Math.min(Math.max(delayMs, 0) + 1, LONGEST_TIMER_MS)).unref();
  }
}

/** Of a plan of another release of Plinth nothing is known: then everything stays with the version before. */
function rolloutTraffic(rollout: RolloutRecord | undefined): Pick<TrafficFacts, 'rollout'> {
  const plan = rolloutPlanSchema.safeParse(rollout?.plan);
  return rollout === undefined || !plan.success ? {} : { rollout: chooseRolloutTraffic(rollout, plan.data) };
}

function linesOf({ versions }: ReleaseContents): readonly string[] {
  return [...new Set(versions.map(({ model }) => model))];
}

function readyVersions(models: readonly RoutedModel[], name: string): readonly string[] {
  return models.filter((model) => model.name === name && isServing(model)).map(({ version }) => version);
}
