import type { JudgeName, RolloutPlan } from '../rollout-plan.ts';
import type { Verdict } from '../verdict.ts';
import { EVENT_JUDGES, MEAN_JUDGES, type EventJudge, type MeanJudge } from './evidence-document.ts';
import { judgeDrift, judgeEvents } from './judge-events.ts';
import { judgeMeans } from './judge-means.ts';
import { activeJudges, chooseLevels } from './levels.ts';
import type { RolloutEvidence } from './rollout-evidence.ts';

/**
 * What every judge says of the evidence. Together they fail a candidate that is as good as the current version with a chance of at most
 * `falseAlarmRate`, however often they are asked: the rate is shared out to the judges that are on, and each uses tests that may be looked at
 * after every answer. A judge fails when the candidate is certainly worse and, as estimated, by more than the limit.
 */
export function judge(evidence: RolloutEvidence, plan: RolloutPlan): readonly Verdict[] {
  const { document } = evidence;
  const active = activeJudges(plan, document);
  const levels = chooseLevels(plan, active);
  return (Object.keys(plan.judges) as JudgeName[]).map((name) => {
    const limit = plan.judges[name];
    if (limit === null || !active.has(name)) return switchedOff(name, limit);
    const bench = { limit, levels, least: plan.leastObservations };
    if (isEventJudge(name)) return judgeEvents(name, document, bench);
    return isMeanJudge(name) ? judgeMeans(name, document, bench) : judgeDrift(document, bench);
  });
}

function switchedOff(name: JudgeName, limit: number | null): Verdict {
  const reasons: Partial<Record<JudgeName, string>> = {
    golden: 'the plan has no golden questions',
    cost: 'the plan has no prices of both versions',
  };
  const reason = limit === null ? 'the plan sets no limit' : (reasons[name] ?? 'there is nothing to judge');
  return { judge: name, state: 'off', currentCount: 0, candidateCount: 0, limit: limit ?? 0, unit: 'share', reason };
}

function isEventJudge(name: JudgeName): name is EventJudge {
  return EVENT_JUDGES.some((one) => one === name);
}

function isMeanJudge(name: JudgeName): name is MeanJudge {
  return MEAN_JUDGES.some((one) => one === name);
}
