import { errorFactsOf, PlinthError, type ErrorFacts } from '../../../core/errors/index.ts';
import type { Releases } from '../releases.ts';
import { choosePlan, type PlanFacts } from './choose-plan.ts';
import { readReleaseFile, type GivenFile } from './read-release-file.ts';
import type { ComparisonForms } from './release-file.ts';
import {
  digestOf,
  type ExperimentOrder,
  type PlanStep,
  type ReleasePlan,
  type RolloutOrder,
  type StepOrder,
} from './release-plan.ts';

/** Starts what the file wants started; gives its id. */
export interface ComparisonStarts {
  startRollout(order: RolloutOrder, actor: string): Promise<{ readonly id: string }>;
  startExperiment(order: ExperimentOrder, actor: string): Promise<{ readonly id: string }>;
}

/** What planning stands on; the functions are those of the commands. */
export interface PlannerOptions extends Omit<PlanFacts, 'known' | 'actor'> {
  readonly releases: Releases;
  readonly knownModels: () => readonly string[];
  readonly forms: ComparisonForms;
  readonly starts: ComparisonStarts;
}

/** A file, and whose it is. */
export interface PlanOrder extends GivenFile {
  readonly actor: string;
}

/** A file that is to be applied. */
export interface ApplyOrder extends PlanOrder {
  /** Of the plan that was looked at. Without it whatever the file comes to now is done. */
  readonly digest?: string;
}

/** A step that was done; `id` of what it started. */
export type DoneStep = PlanStep & { readonly id?: string };

/** What became of a file. Without `failed` all of it was done; what was done stays, and applying the file again goes on from there. */
export interface ApplyReport {
  readonly done: readonly DoneStep[];
  readonly failed?: { readonly step: PlanStep; readonly error: ErrorFacts };
  readonly remaining: readonly PlanStep[];
  readonly notes: readonly string[];
}

/** Plans and applies declarative files. */
export class ReleasePlanner {
  readonly #options: PlannerOptions;

  constructor(options: PlannerOptions) {
    this.#options = options;
  }

  /** What applying the file would do now; nothing is changed. Throws `invalid_request` for the file, and what its steps would be refused with. */
  async plan({ actor, ...given }: PlanOrder): Promise<ReleasePlan> {
    const { releases, forms, knownModels } = this.#options;
    const file = readReleaseFile(given, forms);
    const view = await releases.view(Object.keys(file.models));
    return choosePlan(view, file, { ...this.#options, known: knownModels(), actor });
  }

  /**
   * Plans anew and does the steps in order, each of them one change of the book; stops at the first that fails, which is the case when
   * somebody else changes a line in between. Throws `stale_revision` when the plan is no longer the one with `digest`, and then does nothing.
   */
  async apply(order: ApplyOrder): Promise<ApplyReport> {
    const plan = await this.plan(order);
    const digest = digestOf(plan);
    if (order.digest !== undefined && order.digest !== digest)
      throw new PlinthError({
        code: 'stale_revision',
        message:
          'The releases have changed since that plan was made, and it would do something else now: plan again, look, and apply that.',
        param: 'digest',
      });
    const done: DoneStep[] = [];
    for (const [index, { ordered, shown }] of plan.steps.entries()) {
      try {
        done.push({ ...shown, ...(await this.#carryOut(ordered, order.actor)) });
      } catch (error) {
        const remaining = plan.steps.slice(index + 1).map((step) => step.shown);
        return { done, failed: { step: shown, error: errorFactsOf(error) }, remaining, notes: plan.notes };
      }
    }
    return { done, remaining: [], notes: plan.notes };
  }

  async #carryOut({ action, order }: StepOrder, actor: string): Promise<{ readonly id?: string }> {
    const { releases, starts } = this.#options;
    switch (action) {
      case 'add-version':
        await releases.addVersion({ ...order, actor });
        return {};
      case 'set-policy':
        await releases.setPolicy({ ...order, actor });
        return {};
      case 'move-aliases':
        await releases.changeAliases({ ...order, actor });
        return {};
      case 'set-traffic':
        await releases.setTraffic({ ...order, actor });
        return {};
      case 'remove-version':
        await releases.removeVersion({ ...order, actor });
        return {};
      case 'start-rollout':
        return { id: (await starts.startRollout(order, actor)).id };
      case 'start-experiment':
        return { id: (await starts.startExperiment(order, actor)).id };
    }
  }
}
