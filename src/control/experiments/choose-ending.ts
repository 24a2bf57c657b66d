import type { ExperimentPlan } from './experiment-plan.ts';
import type { ExperimentResult } from './analysing/index.ts';

/** What decides whether an experiment ends by itself. Times in Unix milliseconds. */
export interface EndingFacts {
  readonly plan: ExperimentPlan;
  readonly result: ExperimentResult;
  readonly startedAt: number;
  readonly now: number;
}

/** Why the experiment ends now, in words; undefined while it goes on. A decided experiment goes on: whoever began it ends it. */
export function chooseEnding({ plan, result, startedAt, now }: EndingFacts): string | undefined {
  const broken = result.guards.find(({ state }) => state === 'broken');
  if (broken !== undefined) return `${broken.arm} breaks the guard ${broken.metric}: ${broken.reason}`;
  const requests = result.arms.reduce((sum, arm) => sum + arm.requests, 0);
  if (plan.mostRequests > 0 && requests >= plan.mostRequests) return `it has had its ${plan.mostRequests} answers`;
  const minutes = (now - startedAt) / 60_000;
  if (plan.mostMinutes > 0 && minutes >= plan.mostMinutes) return `its ${plan.mostMinutes} minutes are over`;
  return undefined;
}
