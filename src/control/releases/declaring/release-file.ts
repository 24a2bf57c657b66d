import { z } from 'zod';
import { modelSchema } from '../../../core/config/index.ts';
import { versionSchema } from '../../../core/traffic/index.ts';
import { settingsSchema } from '../changing/index.ts';
import { aliasesForm, policyForm, trafficForm, versionForm } from '../wire-forms.ts';

/** The forms of what belongs to rollouts and experiments: their own folders know them. Both give plans with every default filled in. */
export interface ComparisonForms {
  readonly rolloutPlan: z.ZodType;
  readonly experimentPlan: z.ZodType;
}

const MOST_MODELS = 100;
const MOST_VERSIONS = 64;

const versionEntry = settingsSchema.extend({
  source: z.string().min(1).max(2000).optional(),
  parent: versionForm.optional(),
  madeBy: z.string().min(1).max(200).optional(),
});

/** `shadow,canary` or a list. */
const strategyForm = z.preprocess(
  (value) => (typeof value === 'string' ? value.split(',').map((word) => word.trim()) : value),
  z
    .array(z.enum(['shadow', 'canary']))
    .min(1)
    .max(2)
    .optional(),
);

/** YAML and JSON write versions as numbers, also those of arms. */
function withVersionsAsText(plan: unknown): unknown {
  if (typeof plan !== 'object' || plan === null || !('arms' in plan) || !Array.isArray(plan.arms)) return plan;
  const arms = plan.arms.map((arm: unknown) =>
    typeof arm === 'object' && arm !== null && 'version' in arm && typeof arm.version === 'number'
      ? { ...arm, version: String(arm.version) }
      : arm,
  );
  return { ...plan, arms };
}

function modelEntry(forms: ComparisonForms) {
  return z
    .strictObject({
      versions: z
        .record(versionSchema, versionEntry)
        .refine(hasAtMost(MOST_VERSIONS), `at most ${MOST_VERSIONS} versions`)
        .optional(),
      policy: policyForm.optional(),
      aliases: aliasesForm.optional(),
      traffic: trafficForm.optional(),
      rollout: z
        .strictObject({
          to: versionForm,
          from: versionForm.optional(),
          strategy: strategyForm,
          plan: forms.rolloutPlan.optional(),
        })
        .optional(),
      experiment: z.preprocess(withVersionsAsText, forms.experimentPlan).optional(),
    })
    .refine(
      ({ traffic, rollout }) => traffic?.weights === undefined || rollout === undefined,
      'traffic.weights and rollout exclude each other: a rollout moves the weights itself',
    )
    .refine(
      ({ experiment, rollout }) => experiment === undefined || rollout === undefined,
      'experiment and rollout exclude each other: two comparisons would blur each other',
    );
}

/** The form of a declarative file. What it leaves out stays as it is; with `prune`, versions and aliases of its models that it leaves out go. */
export function releaseFileSchema(forms: ComparisonForms) {
  return z.strictObject({
    prune: z.boolean().default(false),
    models: z.record(modelSchema.shape.name, modelEntry(forms)).refine(hasAtMost(MOST_MODELS), `at most ${MOST_MODELS} models`),
  });
}

function hasAtMost(most: number): (record: object) => boolean {
  return (record) => Object.keys(record).length <= most;
}

export type ReleaseFile = z.output<ReturnType<typeof releaseFileSchema>>;
export type ModelEntry = ReleaseFile['models'][string];
export type VersionEntry = z.output<typeof versionEntry>;
