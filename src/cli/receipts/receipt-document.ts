import { z } from 'zod';

const routeSchema = z.looseObject({
  model: z.string(),
  version: z.string(),
  arm: z.string().optional(),
  why: z.string(),
  by: z.string(),
  purpose: z.looseObject({ kind: z.string(), id: z.string() }).optional(),
  unit: z.string().optional(),
  scores: z
    .array(
      z.looseObject({
        version: z.string(),
        weight: z.number(),
        score: z.number(),
        isServing: z.boolean(),
        isPick: z.boolean(),
      }),
    )
    .optional(),
});
export type ShownRoute = z.infer<typeof routeSchema>;

const replicaSchema = z.looseObject({
  id: z.string().optional(),
  why: z.string(),
  candidates: z.array(
    z.looseObject({
      id: z.string(),
      inFlight: z.number(),
      slots: z.number(),
      wasLost: z.boolean(),
      isPick: z.boolean(),
    }),
  ),
  passedOver: z.array(z.looseObject({ id: z.string(), because: z.string() })).optional(),
});
export type ShownReplica = z.infer<typeof replicaSchema>;

/** The receipt of one request as the management port tells it; only what is drawn is named. */
export const receiptSchema = z.looseObject({
  id: z.string(),
  endpoint: z.string(),
  key: z.string().optional(),
  at: z.string(),
  status: z.number(),
  outcome: z.string(),
  failure: z.string().optional(),
  model: z.string().optional(),
  version: z.string().optional(),
  arm: z.string().optional(),
  routes: z.array(routeSchema),
  replica: replicaSchema.optional(),
  lostReplicas: z.number(),
  cache: z.string().optional(),
  times: z.looseObject({
    waitMs: z.number().optional(),
    queueMs: z.number().optional(),
    prefillMs: z.number().optional(),
    decodeMs: z.number().optional(),
    firstTokenMs: z.number().optional(),
    gapMs: z.number().optional(),
    totalMs: z.number(),
  }),
  tokens: z
    .looseObject({ prompt: z.number().optional(), cached: z.number().optional(), completion: z.number().optional() })
    .optional(),
});
export type ShownReceipt = z.infer<typeof receiptSchema>;
