import type { RolloutRecord, RolloutState } from '../../core/records/index.ts';
import type { RolloutPlan } from './rollout-plan.ts';

/** Where a rollout stands: `state`, the index of the canary step (0 before), and the candidate's share of requests, 0…1. */
export type RolloutPlace = Pick<RolloutRecord, 'state' | 'step' | 'share'>;

/** Every place that a plan leads through when nothing goes wrong, in order. */
export function placesOf(plan: RolloutPlan): readonly RolloutPlace[] {
  const shadowing: RolloutPlace[] = plan.strategy.includes('shadow') ? [{ state: 'shadowing', step: 0, share: 0 }] : [];
  const canary: RolloutPlace[] = plan.strategy.includes('canary')
    ? plan.steps.map(({ percent }, step) => ({ state: 'canary', step, share: percent / 100 }))
    : [];
  const lastStep = canary.at(-1)?.step ?? 0;
  return [{ state: 'preparing', step: 0, share: 0 }, ...shadowing, ...canary, { state: 'promoted', step: lastStep, share: 1 }];
}

/** The place after this one; undefined at the end, and for a rollout that has ended otherwise. */
export function nextPlace(rollout: Pick<RolloutRecord, 'state' | 'step'>, plan: RolloutPlan): RolloutPlace | undefined {
  const places = placesOf(plan);
  const index = places.findIndex(({ state, step }) => state === rollout.state && step === rollout.step);
  return index < 0 ? undefined : places[index + 1];
}

/** What ends a rollout before its time, or ends it well. */
export type RolloutEnd = Exclude<RolloutState, 'preparing' | 'shadowing' | 'canary'>;

/** A rollout at the next place, or ended. Undefined when its plan has no such move. */
export function chooseRolloutMove(
  rollout: RolloutRecord,
  move: { readonly to: 'next' | RolloutEnd; readonly reason: string; readonly at: number },
  plan: RolloutPlan,
): RolloutRecord | undefined {
  const place = move.to === 'next' ? nextPlace(rollout, plan) : endPlace(rollout, move.to);
  if (place === undefined || isEnd(rollout.state)) return undefined;
  const { pausedBecause: _, ...rest } = rollout;
  return {
    ...rest,
    ...place,
    reason: move.reason,
    stepStartedAt: move.at,
    revision: rollout.revision + 1,
    ...(isEnd(place.state) && { endedAt: move.at }),
  };
}

/** The step stays, so that one sees how far it came. */
function endPlace({ step, state }: RolloutRecord, end: RolloutEnd): RolloutPlace | undefined {
  if (end === 'failed' && state !== 'preparing') return undefined;
  return { state: end, step, share: end === 'promoted' ? 1 : 0 };
}

/** Whether the autopilot still has something to do with it. */
export function isRunning({ state }: Pick<RolloutRecord, 'state'>): boolean {
  return !isEnd(state);
}

function isEnd(state: RolloutState): state is RolloutEnd {
  return state !== 'preparing' && state !== 'shadowing' && state !== 'canary';
}
