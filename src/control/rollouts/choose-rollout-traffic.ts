import type { RolloutRecord } from '../../core/records/index.ts';
import type { ShadowOrder, TrafficArm, TrafficPurpose } from '../../core/traffic/index.ts';
import type { RolloutPlan } from './rollout-plan.ts';

/** What a rollout makes of its model's traffic. */
export interface RolloutTraffic {
  /** `current` and `candidate`; their weights are percent and make 100. */
  readonly arms: readonly TrafficArm[];
  readonly purpose: TrafficPurpose;
  /** Another rollout deals the callers anew; the steps of one do not. */
  readonly salt: string;
  /** The version before: it answers what the candidate cannot. */
  readonly fallback: readonly string[];
  /** Absent where nothing is copied now. */
  readonly shadow?: ShadowOrder;
}

type Facts = Pick<RolloutRecord, 'id' | 'baseline' | 'candidate' | 'state' | 'step'>;

/** The traffic of a model in a rollout. The candidate gets nothing before the canary and after a rollback, and everything once promoted. */
export function chooseRolloutTraffic(rollout: Facts, plan: RolloutPlan): RolloutTraffic {
  const percent = candidatePercent(rollout, plan);
  const purpose: TrafficPurpose = { kind: 'rollout', id: rollout.id };
  return {
    arms: [
      { name: 'current', version: rollout.baseline, weight: 100 - percent },
      { name: 'candidate', version: rollout.candidate, weight: percent },
    ],
    purpose,
    salt: rollout.id,
    fallback: [rollout.baseline],
    ...(isShadowing(rollout, plan) && { shadow: shadowOrder(rollout.candidate, plan, purpose) }),
  };
}

function candidatePercent({ state, step }: Facts, plan: RolloutPlan): number {
  if (state === 'promoted') return 100;
  return state === 'canary' ? (plan.steps[step]?.percent ?? 0) : 0;
}

/** During the canary answers are still compared: that is what its judges of quality go by. */
function isShadowing({ state }: Facts, plan: RolloutPlan): boolean {
  return plan.strategy.includes('shadow') && plan.shadow.share > 0 && (state === 'shadowing' || state === 'canary');
}

/** A second answer of the current version costs as much as the first; only the judge of likeness needs it. */
function shadowOrder(to: string, { shadow, judges }: RolloutPlan, purpose: TrafficPurpose): ShadowOrder {
  const { share, mostConcurrent, mostPerMinute } = shadow;
  return { to, share, mostConcurrent, mostPerMinute, reference: judges.similarity === null ? 'none' : 'rerun', purpose };
}
