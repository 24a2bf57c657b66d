import { z } from 'zod';

const verdictSchema = z.looseObject({
  judge: z.string(),
  state: z.string(),
  currentCount: z.number(),
  candidateCount: z.number(),
  current: z.number().optional(),
  candidate: z.number().optional(),
  difference: z.looseObject({ estimate: z.number(), low: z.number(), high: z.number() }).optional(),
  limit: z.number(),
  unit: z.string(),
  reason: z.string(),
});
export type ShownVerdict = z.infer<typeof verdictSchema>;
export const verdictsSchema = z.array(verdictSchema);

/** Absent in what older serves answer. */
export const agreementSchema = z.looseObject({
  comparisons: z.number(),
  exact: z.number(),
  normalised: z.number(),
  referenceExact: z.number(),
  referenceNormalised: z.number(),
});
export type ShownAgreement = z.infer<typeof agreementSchema>;

const stepSchema = z.looseObject({
  name: z.string(),
  state: z.enum(['done', 'current', 'next', 'skipped']),
  percent: z.number(),
  needed: z.looseObject({ count: z.number(), of: z.string(), minutes: z.number() }).optional(),
  seen: z.number().optional(),
});
export type ShownStep = z.infer<typeof stepSchema>;

/** A rollout as the management port shows it; only what is drawn is named. */
export const rolloutSchema = z.looseObject({
  id: z.string(),
  model: z.string(),
  from: z.string(),
  to: z.string(),
  state: z.string(),
  isRunning: z.boolean(),
  paused: z.string().optional(),
  percent: z.number(),
  headline: z.string(),
  reason: z.string(),
  startedBy: z.string(),
  startedAt: z.number(),
  stateSince: z.number(),
  endedAt: z.number().optional(),
  steps: z.array(stepSchema),
  missing: z.array(z.string()),
  mayMoveOnAt: z.number().optional(),
  counts: z
    .looseObject({
      comparisons: z.number(),
      liveCurrent: z.number(),
      liveCandidate: z.number(),
      stepCandidate: z.number(),
    })
    .optional(),
  agreement: agreementSchema.optional(),
  verdicts: verdictsSchema,
  dropped: z.number().optional(),
  history: z.array(
    z.looseObject({ at: z.number(), actor: z.string(), action: z.string(), percent: z.number(), reason: z.string() }),
  ),
});
export type ShownRollout = z.infer<typeof rolloutSchema>;
