import { PlinthError } from '../../../core/errors/index.ts';
import type { InferenceRequest } from '../../../core/inference/index.ts';
import type { VersionFacts } from '../../../core/records/index.ts';
import type { Logger } from '../../../core/telemetry/index.ts';
import type { ControlEvent, ControlObserver } from '../control-events.ts';
import type { PlanHooks } from '../host-plan.ts';
import type { MemoryClaim } from '../hosted-model.ts';
import { warmReplica, type WarmUpReport } from '../warming/index.ts';
import type { FollowedVersion } from './followed-version.ts';
import type { RoomKeeper } from './room-keeper.ts';

export interface LoadWatchOptions {
  readonly room: RoomKeeper;
  readonly logger: Logger;
  readonly observer: ControlObserver;
  /** Requests that a version is warmed up with; none where that is absent. */
  readonly warmUpRequests?: ((model: string, count: number) => Promise<readonly InferenceRequest[]>) | undefined;
  /** 5 when absent. */
  readonly warmUpCount?: number | undefined;
  /** Loading a version has found out something that its record does not say. */
  readonly onVersionFound?: ((version: VersionRef, found: VersionFacts) => void) | undefined;
  readonly onChanged: () => void;
  /** Whether others of its model answer or may come to. */
  readonly hasOthers: (one: FollowedVersion) => boolean;
}

interface VersionRef {
  readonly model: string;
  readonly version: string;
}

export interface ReplicaAddress {
  readonly socketPath: string;
  readonly slots: number;
}

const WARM_UP_COUNT = 5;
const WARM_UP_LIMIT_MS = 30_000;

/** What happens while a version of the book is loaded: its files are compared, room is made, requests warm it up, facts are noted. */
export class LoadWatch {
  readonly #options: LoadWatchOptions;

  constructor(options: LoadWatchOptions) {
    this.#options = options;
  }

  hooksFor(one: FollowedVersion): PlanHooks {
    return {
      onChanged: this.#options.onChanged,
      observer: (event) => this.#options.observer(this.#translate(one, event)),
      enter: (claim) => this.#enter(one, claim),
      warmUp: async (replica, { signal }) => {
        one.warmUp = await this.warm(one, replica, { requests: this.#options.warmUpCount ?? WARM_UP_COUNT, signal });
        return one.warmUp;
      },
      onFound: (found) => this.#noteFacts(one, found),
    };
  }

  /** Runs captured requests on a replica. Never rejects. */
  async warm(
    one: FollowedVersion,
    { socketPath, slots }: ReplicaAddress,
    { requests: count, signal }: { readonly requests: number; readonly signal: AbortSignal },
  ): Promise<WarmUpReport> {
    const { model, version } = one;
    const requests = count === 0 ? [] : await this.#readRequests(model, count);
    const own = requests.map((request) => ({ ...request, model, version }));
    const report = await warmReplica({ socketPath, slots, requests: own, limitMs: WARM_UP_LIMIT_MS, signal });
    if (report.failed > 0)
      this.#options.logger.warn({ model, version, ...report }, 'requests that warm a version up have failed');
    return report;
  }

  async #readRequests(model: string, count: number): Promise<readonly InferenceRequest[]> {
    try {
      return (await this.#options.warmUpRequests?.(model, count)) ?? [];
    } catch (error) {
      this.#options.logger.warn({ model, err: error }, 'there are no requests to warm a version up with');
      return [];
    }
  }

  /** A version is what it was when it was first loaded. */
  async #enter(one: FollowedVersion, claim: MemoryClaim): Promise<void> {
    const { found } = one.record;
    const digest = claim.obtained?.sha256;
    if (found?.sha256 !== undefined && digest !== undefined && digest !== found.sha256) {
      const message =
        `The files of ${one.model}:${one.version} have changed: sha256 ${digest} where ${found.sha256} was expected. ` +
        'Versions never change; add the new files as a new version.';
      throw new PlinthError({ code: 'invalid_model_file', message });
    }
    await this.#options.room.enter(one, claim);
  }

  #noteFacts(one: FollowedVersion, found: VersionFacts): void {
    const { model, version, record } = one;
    const before = record.found;
    if (before !== undefined && before.engine !== found.engine) {
      const engines = { before: before.engine, now: found.engine };
      this.#options.logger.warn({ model, version, ...engines }, 'a version runs on another engine than before');
    }
    if (JSON.stringify(before) !== JSON.stringify(found)) this.#options.onVersionFound?.({ model, version }, found);
  }

  #translate(one: FollowedVersion, event: ControlEvent): ControlEvent {
    if (event.type !== 'model-failed' || !this.#options.hasOthers(one)) return event;
    return { ...event, type: 'version-failed', version: one.version };
  }
}
