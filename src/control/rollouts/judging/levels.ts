import type { JudgeName, RolloutPlan } from '../rollout-plan.ts';
import type { EvidenceDocument } from './evidence-document.ts';

/** Chances of a false alarm that one judge may take: over the whole rollout, and in each of its steps. */
export interface Levels {
  readonly judge: number;
  readonly whole: number;
  readonly step: number;
}

/** The judges that the plan leaves on and has what they need for. Known before the first answer, so that their levels never change. */
export function activeJudges(plan: RolloutPlan, { prices }: Pick<EvidenceDocument, 'prices'>): ReadonlySet<JudgeName> {
  const names = Object.keys(plan.judges) as JudgeName[];
  return new Set(
    names.filter((name) => {
      if (plan.judges[name] === null) return false;
      if (name === 'golden') return plan.golden.length > 0;
      return name !== 'cost' || prices !== undefined;
    }),
  );
}

/** Shares the rollout's rate out (Bonferroni): half of a judge's part over the whole, half over the steps and the shadow phase. */
export function chooseLevels(plan: RolloutPlan, active: ReadonlySet<JudgeName>): Levels {
  const judge = plan.falseAlarmRate / Math.max(active.size, 1);
  return { judge, whole: judge / 2, step: judge / 2 / (plan.steps.length + 1) };
}

/** Whether evidence is strong enough at a level. */
export function isCertain(logE: number, level: number): boolean {
  return logE >= -Math.log(level);
}

/** Three to one. Of judges of a candidate that is as good, a few in a hundred are as far from even at any one moment. */
const SUSPICION = Math.log(3);

/** Whether evidence is too weak to decide and too strong to go on as if there were none. */
export function isSuspicious(logE: number): boolean {
  return logE >= SUSPICION;
}
