import { gapOf } from '../../../core/statistics/index.ts';
import { compareMeans, hasGroups, meanOf } from './compare-means.ts';
import type { ExperimentEvidence } from './experiment-evidence.ts';
import { controlOf, type ExperimentPlan } from '../experiment-plan.ts';
import { metricFacts } from './metrics.ts';
import type { GuardReport } from './result.ts';
import { asAmount, asPercent } from './words.ts';

type Guard = ExperimentPlan['guards'][number];

interface GuardGround {
  readonly plan: ExperimentPlan;
  readonly evidence: ExperimentEvidence;
  readonly alpha: number;
}

/**
 * Whether an arm is certainly worse than the control, and by more than the limit as estimated. The guards' own rate of false alarms is shared
 * out to all of them. Errors and refusals are told by units where there are enough of them, and by requests before: a version that
 * fails must be found with the first caller.
 */
export function checkGuards(plan: ExperimentPlan, evidence: ExperimentEvidence): readonly GuardReport[] {
  const control = controlOf(plan).name;
  const others = plan.arms.filter(({ name }) => name !== control);
  const alpha = plan.falseAlarmRate / Math.max(plan.guards.length * others.length, 1) / 2;
  return plan.guards.flatMap((guard) => others.map(({ name }) => checkGuard(guard, name, { plan, evidence, alpha })));
}

function checkGuard({ metric, limit }: Guard, arm: string, ground: GuardGround): GuardReport {
  const report = byUnits({ metric, limit }, arm, ground) ?? byRequests({ metric, limit }, arm, ground);
  return { metric, arm, limit, ...report };
}

type Finding = Pick<GuardReport, 'state' | 'reason'>;

function byUnits({ metric, limit }: Guard, arm: string, { plan, evidence, alpha }: GuardGround): Finding | undefined {
  const [own, control] = [meanOf(evidence, arm, metric), meanOf(evidence, controlOf(plan).name, metric)];
  if (own === undefined || control === undefined || !hasGroups(own, control)) return undefined;
  const effect = Math.max(limit, 0.01);
  const { difference, low, high } = compareMeans({ metric, own, control, effect, alpha });
  const isHigherWorse = metricFacts[metric].better === 'lower';
  const [loss, least] = isHigherWorse ? [difference, low] : [-difference, -high];
  const words = `${metricFacts[metric].words} is ${asAmount(metric, Math.abs(difference))} ${difference >= 0 ? 'higher' : 'lower'} than the control’s; the limit is ${asAmount(metric, limit)}`;
  return { state: least > 0 && loss > limit ? 'broken' : 'holds', reason: words };
}

function byRequests({ metric, limit }: Guard, arm: string, { evidence, alpha }: GuardGround): Finding {
  const waiting = `too few different callers were seen to tell the ${metricFacts[metric].words}`;
  if (metric !== 'errors' && metric !== 'refusals') return { state: 'not-enough-data', reason: waiting };
  const test = evidence.arms[arm]?.events[metric];
  const gap = test === undefined ? undefined : gapOf(test.gap);
  if (test === undefined || gap === undefined) return { state: 'not-enough-data', reason: waiting };
  const { count, hits } = test.candidate;
  const words = `${hits} of ${count} answers, ${asPercent(gap)} more than the control’s; the limit is ${asPercent(limit)}`;
  const isBroken = test.logE >= -Math.log(alpha) && gap > limit;
  return isBroken ? { state: 'broken', reason: words } : { state: 'not-enough-data', reason: `${waiting} (so far ${words})` };
}
