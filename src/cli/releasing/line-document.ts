import { z } from 'zod';

/** A version as the management port shows it; only what is shown in tables is named. */
export const versionSchema = z.looseObject({
  model: z.string(),
  version: z.string(),
  source: z.string().optional(),
  state: z.string(),
  why: z.string().optional(),
  reason: z.string().optional(),
  parent: z.string().optional(),
  madeBy: z.string(),
  addedBy: z.string(),
  addedAt: z.number(),
  removedAt: z.number().optional(),
  aliases: z.array(z.string()).optional(),
  weight: z.number().nullable().optional(),
  residentBytes: z.number().optional(),
  isSwapping: z.boolean().optional(),
  settings: z.record(z.string(), z.unknown()).optional(),
  found: z
    .looseObject({
      engine: z.string(),
      precision: z.string(),
      bytes: z.number(),
      sha256: z.string().optional(),
      source: z.string().optional(),
      licence: z.string().optional(),
    })
    .optional(),
});
export type ShownVersion = z.infer<typeof versionSchema>;

export const lineSchema = z.looseObject({
  model: z.string(),
  policy: z.looseObject({
    latest: z.number().optional(),
    all: z.boolean().optional(),
    specific: z.array(z.string()).optional(),
  }),
  aliases: z.record(z.string(), z.string()),
  traffic: z.looseObject({
    weights: z.record(z.string(), z.number()),
    sticky: z.looseObject({ by: z.string(), header: z.string().optional() }),
    rules: z.array(z.looseObject({ to: z.string() })),
    fallback: z.array(z.string()),
    shadow: z.looseObject({ to: z.string(), share: z.number() }).optional(),
  }),
  versions: z.array(versionSchema),
  rollout: z.looseObject({ id: z.string(), state: z.string(), candidate: z.string(), share: z.number() }).optional(),
  experiments: z.array(z.looseObject({ id: z.string() })).optional(),
});
export type ShownLine = z.infer<typeof lineSchema>;

export const linesSchema = z.looseObject({ lines: z.array(lineSchema) });
export const changedLineSchema = z.looseObject({ line: lineSchema });
