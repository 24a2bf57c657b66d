import { z } from 'zod';
import {
  aliasSchema,
  ruleSchema,
  shadowSchema,
  stickySchema,
  versionPolicySchema,
  versionSchema,
  weightsSchema,
  type TrafficPolicy,
} from '../../core/traffic/index.ts';

/** A whole number stands for its digits, because YAML and JSON write versions so. */
function digitsOf(value: unknown): unknown {
  return typeof value === 'number' ? String(value) : value;
}

/** `3` or `"3"`. */
export const versionForm = z.preprocess(digitsOf, versionSchema);

const targetForm = z.preprocess(digitsOf, z.string().min(1).max(200));

/** Alias → version. */
export const aliasesForm = z.record(aliasSchema, versionForm);

/** Versions may be numbers in `specific`. */
export const policyForm = z.union([
  ...versionPolicySchema.options.slice(0, 2),
  z.strictObject({ specific: z.array(versionForm).min(1).max(64) }),
]);

/** A traffic policy in part: what is left out stays as it is; `shadow: null` ends the copies. */
export const trafficForm = z.strictObject({
  weights: weightsSchema.optional(),
  sticky: stickySchema.optional(),
  rules: z
    .array(ruleSchema.extend({ to: targetForm }))
    .max(64)
    .optional(),
  fallback: z.array(targetForm).max(8).optional(),
  shadow: shadowSchema.extend({ to: versionForm }).nullable().optional(),
});

export type TrafficPatch = z.infer<typeof trafficForm>;

/** A policy with what a patch says of it. */
export function patchTraffic(before: TrafficPolicy, patch: TrafficPatch): TrafficPolicy {
  const { shadow: newShadow, ...given } = patch;
  const { shadow: oldShadow, ...kept } = before;
  const shadow = newShadow === undefined ? oldShadow : (newShadow ?? undefined);
  return {
    weights: given.weights ?? kept.weights,
    sticky: given.sticky ?? kept.sticky,
    rules: given.rules ?? kept.rules,
    fallback: given.fallback ?? kept.fallback,
    ...(shadow !== undefined && { shadow }),
  };
}
