import type { ExperimentRecord } from '../../core/records/index.ts';
import type { Sticky, TrafficArm, TrafficPurpose } from '../../core/traffic/index.ts';
import { controlOf, experimentPlanSchema } from './experiment-plan.ts';

/** What an experiment makes of its model's traffic. */
export interface ExperimentTraffic {
  readonly arms: readonly TrafficArm[];
  readonly purpose: TrafficPurpose;
  /** Another experiment deals the callers anew. */
  readonly salt: string;
  readonly sticky: Sticky;
  /** The control: it answers what another arm cannot. */
  readonly fallback: readonly string[];
}

/** The arms of an experiment; none once it has stopped, so that the line's weights decide again: those of its control. */
export function armsOf({ state, plan }: Pick<ExperimentRecord, 'state' | 'plan'>): readonly TrafficArm[] {
  const parsed = experimentPlanSchema.safeParse(plan);
  if (state !== 'running' || !parsed.success) return [];
  return parsed.data.arms.map(({ name, version, weight }) => ({ name, version, weight }));
}

/** The traffic of a running experiment; undefined once it has stopped. */
export function chooseExperimentTraffic(record: Pick<ExperimentRecord, 'id' | 'state' | 'plan'>): ExperimentTraffic | undefined {
  const arms = armsOf(record);
  const plan = experimentPlanSchema.safeParse(record.plan);
  if (arms.length === 0 || !plan.success) return undefined;
  const purpose = { kind: 'experiment', id: record.id } as const;
  return { arms, purpose, salt: record.id, sticky: plan.data.sticky, fallback: [controlOf(plan.data).version] };
}
