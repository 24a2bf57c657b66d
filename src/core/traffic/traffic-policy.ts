import { z } from 'zod';

/** Digits, from 1. */
export const versionSchema = z.string().regex(/^[1-9]\d{0,17}$/, 'a whole number from 1, as text');
/** `stable`, `latest`: a name that a version of a model goes by. */
export const aliasSchema = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9._-]{0,63}$/, 'letters, digits, ".", "_" and "-", at most 64, beginning with a letter');

/** Relative to the sum of all; 0 keeps a version loaded and gives it nothing. */
export const weightsSchema = z
  .record(versionSchema, z.number().min(0).max(1e6))
  .refine(
    (weights) => Object.keys(weights).length === 0 || Object.values(weights).some((weight) => weight > 0),
    'at least one weight must be above 0',
  );

const headerNameSchema = z.string().regex(/^[A-Za-z0-9-]{1,64}$/, 'the name of a header');

/**
 * What keeps requests together: those with the same value get the same version for as long as the weights let them. `caller` is the
 * key, `conversation` the beginning of a conversation (or what its caller names it by), `request` keeps nothing together.
 */
export const stickySchema = z.discriminatedUnion('by', [
  z.strictObject({ by: z.literal('request') }),
  z.strictObject({ by: z.literal('caller') }),
  z.strictObject({ by: z.literal('conversation') }),
  z.strictObject({ by: z.literal('header'), header: headerNameSchema }),
]);

/** Requests that meet every condition go to `to`, whatever the weights say. The first rule that applies decides. */
export const ruleSchema = z.strictObject({
  when: z
    .strictObject({
      header: z
        .strictObject({
          name: headerNameSchema,
          equals: z.string().max(256).optional(),
          startsWith: z.string().max(256).optional(),
        })
        .optional(),
      /** Ids of keys. */
      callers: z.array(z.string().max(128)).min(1).max(1000).optional(),
      kinds: z
        .array(z.enum(['generate', 'embed', 'score', 'classify', 'recognize', 'transcribe', 'tensors']))
        .min(1)
        .optional(),
      /** Characters of all prompts together. */
      promptLongerThan: z.int().min(0).optional(),
    })
    .refine((when) => Object.keys(when).length > 0, 'a rule needs at least one condition'),
  /** A version, `@alias`, or the name of another model. */
  to: z.string().min(1).max(200),
});

/** Where a request goes whose version cannot answer: a version (`3`), `@alias`, or another model (`name`, `name:3`, `name@alias`). */
const fallbackSchema = z.array(z.string().min(1).max(200)).max(8);

/** Copies of a share of requests go to `to`; their answers are compared and thrown away. */
export const shadowSchema = z.strictObject({
  to: versionSchema,
  share: z.number().min(0).max(1),
  mostConcurrent: z.int().min(1).max(64).default(1),
  mostPerMinute: z.int().min(1).max(100_000).default(600),
});

/** How the requests of a model are spread over its versions. Without weights the highest version that is ready answers. */
export const trafficPolicySchema = z.strictObject({
  weights: weightsSchema.default({}),
  sticky: stickySchema.default({ by: 'conversation' }),
  rules: z.array(ruleSchema).max(64).default([]),
  fallback: fallbackSchema.default([]),
  shadow: shadowSchema.optional(),
});

export type TrafficPolicy = z.infer<typeof trafficPolicySchema>;
export type Sticky = z.infer<typeof stickySchema>;
export type TrafficRule = z.infer<typeof ruleSchema>;

export const defaultTrafficPolicy: TrafficPolicy = { weights: {}, sticky: { by: 'conversation' }, rules: [], fallback: [] };

/** Which versions of a model are kept loaded, besides those that aliases, weights, rollouts and experiments need. */
export const versionPolicySchema = z.union([
  z.strictObject({ latest: z.int().min(1).max(64) }),
  z.strictObject({ all: z.literal(true) }),
  z.strictObject({ specific: z.array(versionSchema).min(1).max(64) }),
]);
export type VersionPolicy = z.infer<typeof versionPolicySchema>;
