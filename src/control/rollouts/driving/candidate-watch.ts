import { errorFactsOf } from '../../../core/errors/index.ts';
import type { RolloutRecord } from '../../../core/records/index.ts';
import type { RolloutPlan } from '../rollout-plan.ts';
import type { RolloutFleet } from '../rollout-ports.ts';
import type { CandidateFacts } from './choose-order.ts';

/** What a watch stands on. */
export interface WatchOptions {
  readonly fleet: RolloutFleet;
  readonly rollout: Pick<RolloutRecord, 'model' | 'candidate'>;
  readonly plan: Pick<RolloutPlan, 'warmUpRequests'>;
  /** How long the candidate may answer nothing, once it has answered. */
  readonly absenceMs: number;
  readonly onChanged: () => void;
}

/** Loads the candidate, and then sees that it stays. */
export class CandidateWatch {
  readonly #options: WatchOptions;
  readonly #abort = new AbortController();
  #loading: 'not-begun' | 'under-way' | 'ended' = 'not-begun';
  #failure: string | undefined;
  #absentSinceMs: number | undefined;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  /** Begins to load when the candidate does not answer. */
  look(): CandidateFacts {
    const { fleet, rollout, absenceMs } = this.#options;
    if (this.#failure !== undefined) return { state: 'failed', reason: this.#failure };
    if (this.#loading !== 'ended') {
      if (this.#loading === 'not-begun') void this.#load();
      return { state: 'loading' };
    }
    if (fleet.isServing(rollout.model, rollout.candidate)) {
      this.#absentSinceMs = undefined;
      return { state: 'ready' };
    }
    this.#absentSinceMs ??= performance.now();
    const absentMs = performance.now() - this.#absentSinceMs;
    const reason = `no replica of it has answered for ${Math.round(absentMs / 1_000)} s`;
    return { state: 'absent', reason, isGone: absentMs >= absenceMs };
  }

  stop(): void {
    this.#abort.abort();
  }

  async #load(): Promise<void> {
    this.#loading = 'under-way';
    const { fleet, rollout, plan, onChanged } = this.#options;
    const { model, candidate } = rollout;
    const { signal } = this.#abort;
    try {
      await fleet.ensureLoaded(model, candidate, signal);
      if (plan.warmUpRequests > 0) await fleet.warmUp?.(model, candidate, { requests: plan.warmUpRequests, signal });
    } catch (error) {
      const { code, message } = errorFactsOf(error);
      if (code === 'cancelled') {
        // This process stops: that says nothing of the version.
        this.#loading = 'not-begun';
        return;
      }
      this.#failure = message;
    }
    this.#loading = 'ended';
    if (!signal.aborted) onChanged();
  }
}
