import { FEWEST_GROUPS } from './compare-means.ts';
import type { ExperimentPlan } from '../experiment-plan.ts';
import { metricFacts } from './metrics.ts';
import type { ArmComparison, ArmResult, ExperimentResult } from './result.ts';
import { asAmount, asP } from './words.ts';

/** What an experiment has shown so far, in a sentence or two. */
export function describeConclusion(plan: ExperimentPlan, result: Omit<ExperimentResult, 'conclusion'>): string {
  const broken = result.guards.filter(({ state }) => state === 'broken');
  const sentences = [
    ...(result.followsWeights ? [] : ['units were not dealt out as the weights say, so that nothing below can be trusted']),
    ...broken.map(({ arm, metric, reason }) => `${arm} breaks the guard ${metric}: ${reason}`),
    ...result.arms.filter(({ isControl }) => !isControl).map((arm) => describeArm(arm, { plan, result })),
  ];
  return sentences.join('. ');
}

interface Ground {
  readonly plan: ExperimentPlan;
  readonly result: Pick<ExperimentResult, 'arms'>;
}

function describeArm(arm: ArmResult, { plan, result }: Ground): string {
  const { versusControl, name } = arm;
  const control = result.arms.find(({ isControl }) => isControl);
  if (versusControl === undefined || versusControl.state === 'not-enough-data') {
    const few = [control, arm].find((one) => one !== undefined && one.groups < FEWEST_GROUPS) ?? arm;
    return `no difference can be told yet: ${few.name} has ${few.measured} answers of units in ${few.groups} groups, ${FEWEST_GROUPS} groups are needed`;
  }
  const words = `its ${metricFacts[plan.metric].words} is ${describeDifference(plan, versusControl)}`;
  switch (versusControl.state) {
    case 'better':
      return `${name} is better: ${words}`;
    case 'worse':
      return `${name} is worse: ${words}`;
    case 'alike':
      return `${name} is no different by ${asAmount(plan.metric, plan.minimumEffect)} or more: ${words}`;
    case 'undecided':
      return `no difference can be told yet: ${name}: ${words}`;
  }
}

function describeDifference({ metric }: ExperimentPlan, { difference, low, high, p }: ArmComparison): string {
  const side = (value: number) => `${asAmount(metric, Math.abs(value))} ${value >= 0 ? 'higher' : 'lower'}`;
  return `${side(difference)} (between ${side(low)} and ${side(high)}, ${asP(p)})`;
}
