import { z } from 'zod';
import { PlinthError } from '../../core/errors/index.ts';
import { stickySchema, versionSchema } from '../../core/traffic/index.ts';

/** What can be measured of an answer. */
export const METRICS = ['feedback', 'firstToken', 'interToken', 'duration', 'tokensOut', 'errors', 'refusals'] as const;
const metricSchema = z.enum(METRICS);
export type MetricName = z.infer<typeof metricSchema>;

const armSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9._-]{0,63}$/, 'letters, digits, ".", "_" and "-", at most 64, beginning with a letter'),
  version: versionSchema,
  /** Relative to the sum of all. */
  weight: z.number().gt(0).max(1e6).default(1),
});

/** A metric that must not get worse by more than `limit`: a share, a score, or for times and tokens a ratio (0.5 = half as many again). */
const guardSchema = z.strictObject({ metric: metricSchema, limit: z.number().min(0).max(100) });

/** An experiment without its model: which versions are compared, by what, and when it ends by itself. */
export const experimentPlanSchema = z
  .strictObject({
    arms: z.array(armSchema).min(2).max(8),
    /** The arm that the others are compared with; the first one when absent. */
    control: z.string().optional(),
    metric: metricSchema,
    /** Only feedback under this key. */
    feedbackMetric: z.string().min(1).max(64).optional(),
    /** Which way is better; when absent, higher for feedback and lower for everything else. */
    direction: z.enum(['higher', 'lower']).optional(),
    /** The smallest difference that matters, as for guards: bounds are tightest for it. */
    minimumEffect: z.number().gt(0).max(100).default(0.05),
    /** Chance that a difference is claimed where there is none, over the whole experiment, all arms and all looks. */
    falseAlarmRate: z.number().gt(0).max(0.5).default(0.05),
    guards: z
      .array(guardSchema)
      .max(8)
      .default([{ metric: 'errors', limit: 0.02 }]),
    sticky: stickySchema.default({ by: 'conversation' }),
    /** It ends after so many answers, or so many minutes; 0 means no end. */
    mostRequests: z.int().min(0).max(1e9).default(0),
    mostMinutes: z.number().min(0).max(1e6).default(0),
  })
  .refine(({ arms }) => isUnique(arms.map(({ name }) => name)), { path: ['arms'], message: 'arms need different names' })
  .refine(({ arms }) => isUnique(arms.map(({ version }) => version)), { path: ['arms'], message: 'arms need different versions' })
  .refine(({ arms, control }) => control === undefined || arms.some(({ name }) => name === control), {
    path: ['control'],
    message: 'control must be the name of an arm',
  })
  .refine(({ guards }) => isUnique(guards.map(({ metric }) => metric)), {
    path: ['guards'],
    message: 'one guard for each metric',
  });

export type ExperimentPlan = z.infer<typeof experimentPlanSchema>;
export type ExperimentArm = ExperimentPlan['arms'][number];

/** The arm that the others are compared with. */
export function controlOf({ arms, control }: ExperimentPlan): ExperimentArm {
  const found = arms.find(({ name }) => name === control) ?? arms[0];
  if (found === undefined) throw new RangeError('a plan without arms');
  return found;
}

/** Every metric that the plan looks at. */
export function metricsOf({ metric, guards }: ExperimentPlan): readonly MetricName[] {
  return [...new Set([metric, ...guards.map((guard) => guard.metric)])];
}

function isUnique(names: readonly string[]): boolean {
  return new Set(names).size === names.length;
}

const MOST_FLAWS = 5;

/** Throws `invalid_request` that names what is wrong. */
export function readExperimentPlan(plan: unknown): ExperimentPlan {
  const parsed = experimentPlanSchema.safeParse(plan);
  if (parsed.success) return parsed.data;
  const flaws = parsed.error.issues
    .slice(0, MOST_FLAWS)
    .map(({ path, message }) => `${path.length === 0 ? 'plan' : path.join('.')}: ${message}`);
  const param = parsed.error.issues[0]?.path.join('.') ?? '';
  throw new PlinthError({
    code: 'invalid_request',
    message: `The plan of the experiment is not valid. ${flaws.join('; ')}`,
    ...(param === '' ? {} : { param }),
  });
}
