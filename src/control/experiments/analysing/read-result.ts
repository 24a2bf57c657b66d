import { shareLogE } from '../../../core/statistics/index.ts';
import { checkGuards } from './check-guards.ts';
import { compareMeans, hasGroups, meanOf, type MeanDifference } from './compare-means.ts';
import { describeConclusion } from './describe-conclusion.ts';
import type { ExperimentEvidence } from './experiment-evidence.ts';
import { controlOf, type ExperimentArm, type ExperimentPlan } from '../experiment-plan.ts';
import { directionOf, metricFacts } from './metrics.ts';
import type { ArmComparison, ArmResult, ExperimentResult } from './result.ts';

const MISMATCH_LEVEL = 0.001;

type Assigned = Readonly<Record<string, number>>;

interface Ground {
  readonly plan: ExperimentPlan;
  readonly evidence: ExperimentEvidence;
  /** Units by arm. */
  readonly assigned: Assigned;
}

/**
 * Reads the result of an experiment. Each arm is compared with the control by the metric's means over requests, with variances between
 * groups of units, so that callers who ask much are no more than callers; p-values are those of the mixture sequential probability ratio
 * test (Johari, Pekelis, Walsh 2017), and the rate of false alarms is shared out to the arms.
 */
export function readResult(ground: Ground): ExperimentResult {
  const { plan, evidence, assigned } = ground;
  const arms = plan.arms.map((arm) => describeArm(arm, ground));
  const result = {
    metric: plan.metric,
    unit: metricFacts[plan.metric].unit,
    direction: directionOf(plan),
    arms,
    guards: checkGuards(plan, evidence),
    followsWeights: followsWeights(plan, assigned),
    isDecided: arms.every(({ isControl, versusControl }) => isControl || isFinal(versusControl)),
  };
  return { ...result, conclusion: describeConclusion(plan, result) };
}

function isFinal(comparison: ArmComparison | undefined): boolean {
  return comparison?.state === 'better' || comparison?.state === 'worse' || comparison?.state === 'alike';
}

function describeArm({ name, version, weight }: ExperimentArm, { plan, evidence, assigned }: Ground): ArmResult {
  const control = controlOf(plan).name;
  const own = meanOf(evidence, name, plan.metric);
  const versusControl = name === control ? undefined : compareArm(name, plan, evidence);
  const toUnit = metricFacts[plan.metric].scale === 'ratio' ? Math.exp : (value: number) => value;
  return {
    name,
    version,
    weight,
    isControl: name === control,
    requests: evidence.arms[name]?.requests ?? 0,
    measured: own?.count ?? 0,
    groups: own?.groups ?? 0,
    assigned: countOf(assigned, name),
    ...(own === undefined ? {} : { mean: toUnit(own.mean) }),
    ...(versusControl === undefined ? {} : { versusControl }),
  };
}

function compareArm(name: string, plan: ExperimentPlan, evidence: ExperimentEvidence): ArmComparison | undefined {
  const own = meanOf(evidence, name, plan.metric);
  const control = meanOf(evidence, controlOf(plan).name, plan.metric);
  if (own === undefined || control === undefined) return undefined;
  const alpha = plan.falseAlarmRate / (plan.arms.length - 1);
  const compared = compareMeans({ metric: plan.metric, own, control, effect: plan.minimumEffect, alpha });
  if (!hasGroups(own, control)) return { ...compared, p: 1, state: 'not-enough-data' };
  const p = Math.min(compared.p, leastPOf(evidence, name));
  return { ...compared, p, state: stateOf({ ...compared, p }, plan, alpha) };
}

function stateOf({ difference, low, high, p }: MeanDifference, plan: ExperimentPlan, alpha: number): ArmComparison['state'] {
  if (p < alpha) return difference > 0 === (directionOf(plan) === 'higher') ? 'better' : 'worse';
  return Math.max(Math.abs(low), Math.abs(high)) < plan.minimumEffect ? 'alike' : 'undecided';
}

/** Keeps the least p-values of a result: what was certain once stays so. */
export function keepLeastP(evidence: ExperimentEvidence, { arms }: ExperimentResult): ExperimentEvidence {
  const seen = arms.flatMap(({ name, versusControl }) =>
    versusControl === undefined || versusControl.p === 1 ? [] : [[name, versusControl.p] as const],
  );
  return { ...evidence, leastP: { ...evidence.leastP, ...Object.fromEntries(seen) } };
}

function leastPOf({ leastP }: ExperimentEvidence, arm: string): number {
  return Object.hasOwn(leastP, arm) ? (leastP[arm] ?? 1) : 1;
}

function countOf(assigned: Assigned, arm: string): number {
  return Object.hasOwn(assigned, arm) ? (assigned[arm] ?? 0) : 0;
}

function followsWeights({ arms }: ExperimentPlan, assigned: Assigned): boolean {
  const all = arms.reduce((sum, { weight }) => sum + weight, 0);
  const counts = arms.map(({ name }) => countOf(assigned, name));
  return (
    shareLogE(
      counts,
      arms.map(({ weight }) => weight / all),
    ) < -Math.log(MISMATCH_LEVEL)
  );
}
