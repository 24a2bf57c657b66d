import { z } from 'zod';

export const verdictSchema = z.looseObject({
  judge: z.string(),
  state: z.string(),
  currentCount: z.number(),
  candidateCount: z.number(),
  current: z.number().optional(),
  candidate: z.number().optional(),
  limit: z.number(),
  unit: z.string(),
  reason: z.string(),
});
export type ShownVerdict = z.infer<typeof verdictSchema>;

export const rolloutSchema = z.looseObject({
  id: z.string(),
  model: z.string(),
  from: z.string(),
  to: z.string(),
  state: z.string(),
  isRunning: z.boolean(),
  percent: z.number(),
  headline: z.string(),
  startedBy: z.string(),
  startedAt: z.number(),
  stateSince: z.number(),
  endedAt: z.number().optional(),
  steps: z.array(
    z.looseObject({
      name: z.string(),
      state: z.enum(['done', 'current', 'next', 'skipped']),
      needed: z.looseObject({ count: z.number(), of: z.string(), minutes: z.number() }).optional(),
      seen: z.number().optional(),
    }),
  ),
  missing: z.array(z.string()),
  verdicts: z.array(verdictSchema),
  history: z.array(
    z.looseObject({ at: z.number(), actor: z.string(), action: z.string(), percent: z.number(), reason: z.string() }),
  ),
});
export type ShownRollout = z.infer<typeof rolloutSchema>;
