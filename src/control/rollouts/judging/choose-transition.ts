import type { RolloutState } from '../../../core/records/index.ts';
import type { RolloutPlan } from '../rollout-plan.ts';
import type { Decision, Verdict } from '../verdict.ts';

/** Where a rollout stands. Times in Unix milliseconds. */
export interface Standing {
  readonly plan: RolloutPlan;
  readonly state: RolloutState;
  /** Index of the canary step. */
  readonly step: number;
  readonly isPaused: boolean;
  readonly stepStartedAt: number;
  readonly now: number;
  readonly counts: { readonly comparisons: number; readonly stepCandidate: number };
  readonly verdicts: readonly Verdict[];
}

const MINUTE_MS = 60_000;

/**
 * What to do with a rollout. Back as soon as one judge fails, even while it is paused: a pause stops progress, not protection. On only
 * when the state's own conditions are met and every judge that is on passes; "not enough data" is no pass.
 */
export function chooseTransition(standing: Standing): Decision {
  const { state, verdicts } = standing;
  const failed = verdicts.filter((verdict) => verdict.state === 'fail');
  const undecided = verdicts.filter((verdict) => verdict.state === 'not-enough-data');
  const decide = (action: Decision['action'], reason: string): Decision => ({
    action,
    reason,
    failed: failed.map(({ judge }) => judge),
    undecided: undecided.map(({ judge }) => judge),
  });
  if (state !== 'shadowing' && state !== 'canary') return decide('hold', describeRest(state));
  if (failed.length > 0) return decide('roll-back', failed.map(({ judge, reason }) => `${judge}: ${reason}`).join('; '));
  if (standing.isPaused) return decide('hold', 'it is paused');
  const missing = [
    ...(state === 'shadowing' ? missingOfShadow(standing) : missingOfStep(standing)),
    ...undecided.map(({ judge, reason }) => `${judge}: ${reason}`),
  ];
  if (verdicts.length === 0) missing.push('the verdicts of the judges');
  if (missing.length > 0) return decide('hold', `waits for ${missing.join('; ')}`);
  const passed = verdicts.filter((verdict) => verdict.state === 'pass');
  return decide(
    isLast(standing) ? 'promote' : 'advance',
    passed.length > 0 ? `all judges that are on pass: ${passed.map(({ judge }) => judge).join(', ')}` : 'no judge is on',
  );
}

function isLast({ plan, state, step }: Standing): boolean {
  return state === 'shadowing' ? !plan.strategy.includes('canary') : step >= plan.steps.length - 1;
}

function missingOfShadow({ plan: { shadow }, counts, ...times }: Standing): string[] {
  return [
    ...(counts.comparisons < shadow.comparisons ? [`${shadow.comparisons - counts.comparisons} more comparisons`] : []),
    ...missingTime(shadow.minutes, times),
  ];
}

function missingOfStep({ plan, step, counts, ...times }: Standing): string[] {
  const conditions = plan.steps[step];
  if (conditions === undefined) return [`a step ${step + 1}, which the plan does not have`];
  const { requests, minutes, percent } = conditions;
  return [
    ...(counts.stepCandidate < requests ? [`${requests - counts.stepCandidate} more answers at ${percent} %`] : []),
    ...missingTime(minutes, times),
  ];
}

function missingTime(minutes: number, { stepStartedAt, now }: Pick<Standing, 'stepStartedAt' | 'now'>): string[] {
  const left = minutes * MINUTE_MS - (now - stepStartedAt);
  return left > 0 ? [`${Math.ceil(left / MINUTE_MS)} more minutes`] : [];
}

function describeRest(state: Exclude<RolloutState, 'shadowing' | 'canary'>): string {
  return state === 'preparing' ? 'the candidate is being loaded' : `the rollout is over: ${state}`;
}
