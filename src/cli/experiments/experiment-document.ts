import { z } from 'zod';

const comparisonSchema = z.looseObject({
  difference: z.number(),
  low: z.number(),
  high: z.number(),
  p: z.number(),
  state: z.string(),
});

const armSchema = z.looseObject({
  name: z.string(),
  version: z.string(),
  weight: z.number(),
  isControl: z.boolean(),
  requests: z.number(),
  measured: z.number(),
  assigned: z.number(),
  mean: z.number().optional(),
  versusControl: comparisonSchema.optional(),
});
export type ShownArm = z.infer<typeof armSchema>;

const guardSchema = z.looseObject({
  metric: z.string(),
  arm: z.string(),
  limit: z.number(),
  state: z.string(),
  reason: z.string(),
});
export type ShownGuard = z.infer<typeof guardSchema>;

/** An experiment on one line of a list. */
export const summarySchema = z.looseObject({
  id: z.string(),
  model: z.string(),
  state: z.string(),
  startedBy: z.string(),
  startedAt: z.number(),
  endedAt: z.number().optional(),
  reason: z.string(),
});
export type ExperimentSummary = z.infer<typeof summarySchema>;

/** An experiment as the management port shows it; only what is drawn is named. */
export const experimentSchema = summarySchema.extend({
  metric: z.string(),
  unit: z.string(),
  direction: z.string(),
  arms: z.array(armSchema),
  guards: z.array(guardSchema),
  followsWeights: z.boolean(),
  isDecided: z.boolean(),
  conclusion: z.string(),
  plan: z.looseObject({
    falseAlarmRate: z.number().optional(),
    minimumEffect: z.number().optional(),
    mostRequests: z.number().optional(),
    mostMinutes: z.number().optional(),
  }),
});
export type ShownExperiment = z.infer<typeof experimentSchema>;
