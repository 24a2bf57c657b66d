import { PlinthError, type ErrorFacts } from '../../../core/errors/index.ts';
import type { VersionRecord } from '../../../core/records/index.ts';
import type { ModelPlan } from '../choose-model-plans.ts';
import type { HostedPlan } from '../host-plan.ts';
import { HostedVersion } from '../hosted-version.ts';
import type { WarmUpReport } from '../warming/index.ts';

/** A version of the book that is to be loaded. */
export interface WantedVersion {
  readonly record: VersionRecord;
  /** In words: `alias stable`, `the candidate of rollout r_1`. */
  readonly why: string;
  /** It is wanted only because it answered before or is kept warm: it may make room where memory is too short for it and its successor. */
  readonly isSpare?: boolean;
}

/** Versions that were unloaded to make room, and since when requests wait; on `performance.now()`'s clock. */
export interface Swap {
  readonly left: readonly FollowedVersion[];
  readonly startedAt: number;
}

/** What a version takes, as far as was known when it was let in. */
export interface Claim {
  readonly needBytes: number;
  readonly fileBytes: number;
}

export interface FollowedOptions {
  readonly wanted: WantedVersion;
  readonly host: (plan: ModelPlan, one: FollowedVersion) => HostedPlan;
  readonly drainMs: number;
  readonly onChanged: () => void;
}

/** A version of the book in this process: what is wanted of it and how far that has come. */
export class FollowedVersion {
  readonly hosted: HostedVersion;
  record: VersionRecord;
  why = '';
  isWanted = false;
  isSpare = false;
  /** Set while it may take memory. */
  claim: Claim | undefined;
  warmUp: WarmUpReport | undefined;
  /** Others made room for it and it has not answered yet. */
  swap: Swap | undefined;
  /** For which version it made room. */
  displacedBy: FollowedVersion | undefined;
  /** It is back because its successor did not load, wanted or not. */
  isRestored = false;
  /** Why nothing more is tried until something is done about it. */
  givenUp: ErrorFacts | undefined;

  constructor({ wanted, host, drainMs, onChanged }: FollowedOptions) {
    const { model, version } = wanted.record;
    this.record = wanted.record;
    this.hosted = new HostedVersion({ name: model, version, host: (plan) => host(plan, this), drainMs, onChanged });
    this.want(wanted);
  }

  get model(): string {
    return this.record.model;
  }

  get version(): string {
    return this.record.version;
  }

  /** Versions do not change; what was found out about one is added. */
  want({ record, why, isSpare = false }: WantedVersion): void {
    this.record = record;
    this.why = why;
    this.isWanted = true;
    this.isSpare = isSpare;
  }

  get isServing(): boolean {
    return this.hosted.isServing;
  }

  /** Nothing of it is here any more. */
  get isGone(): boolean {
    return this.hosted.isIdle && !this.hosted.isLeaving;
  }

  get residentBytes(): number {
    return this.hosted.reports().reduce((sum, { rssBytes }) => sum + rssBytes, 0);
  }

  /** What keeps it from answering. */
  get obstacle(): ErrorFacts | undefined {
    if (this.isServing) return undefined;
    if (this.givenUp !== undefined) return this.givenUp;
    if (this.displacedBy !== undefined) {
      const message = `${this.model}:${this.version} was unloaded to make room for ${this.model}:${this.displacedBy.version}.`;
      return { code: 'model_unavailable', message };
    }
    return this.hosted.current?.obstacle;
  }

  /** It does not answer and nothing is known that keeps it from doing so soon. */
  get isComing(): boolean {
    return !this.isServing && this.obstacle === undefined;
  }

  /** The PlinthError for whoever needs it to answer. */
  failure(): PlinthError | undefined {
    return this.obstacle === undefined ? undefined : new PlinthError(this.obstacle);
  }
}
