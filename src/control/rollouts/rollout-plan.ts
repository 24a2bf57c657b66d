import { z } from 'zod';
import { PlinthError } from '../../core/errors/index.ts';
import type { JsonObject } from '../../core/inference/index.ts';

const share = z.number().min(0).max(1);

/**
 * Limits of the judges. Each compares the candidate with the current version over the same stretch of time. A limit of null switches a
 * judge off. Losses of quality are differences of means of scores between 0 and 1.
 */
const judgesSchema = z.strictObject({
  /** Most that the share of failed answers may grow, 0.01 = one percentage point. */
  errors: share.nullable().default(0.005),
  timeouts: share.nullable().default(0.005),
  refusals: share.nullable().default(0.05),
  /** Most that the geometric mean may grow: 0.25 = a quarter longer. */
  firstToken: z.number().min(0).nullable().default(0.5),
  interToken: z.number().min(0).nullable().default(0.5),
  /** The whole answer, of models that have no tokens. */
  duration: z.number().min(0).nullable().default(0.5),
  /** Most that the geometric mean of tokens per answer may grow or shrink: 0.5 = half as many again. */
  tokensOut: z.number().min(0).nullable().default(0.5),
  /** Most that the cost of an answer may grow; needs `cost`. */
  cost: z.number().min(0).nullable().default(0.25),
  /** Most that the likeness to the current version's answers may lie below that of the current version's own second answers. */
  similarity: share.nullable().default(0.03),
  /**
   * Most nats per token that the candidate's answers may be less likely to the current version than its own. A small model that is quantised
   * anew loses 0.5 to 0.8 at a temperature of 1, one with damaged weights 8.
   */
  perplexity: z.number().min(0).nullable().default(1.5),
  /** Most that the share of answers with sound structure (JSON, schema, tool calls) may fall where a request asks for it. */
  structure: share.nullable().default(0.02),
  /** Most that the share of golden questions answered as expected may fall. */
  golden: share.nullable().default(0.05),
  /** Most that the share of comparisons won at the judge model may fall below one half. */
  preference: share.nullable().default(0.1),
  /** Most that the mean score of feedback may fall. */
  feedback: share.nullable().default(0.05),
  /** Most of the population stability index between the classes of answers: 0.2 is a change that matters. */
  drift: z.number().min(0).nullable().default(0.25),
  /** Most that the share of answers with NaN, infinite or constant numbers may grow. */
  brokenOutputs: share.nullable().default(0),
});

/** A question whose answer has known properties. */
const goldenSchema = z.strictObject({
  question: z.string().min(1).max(20_000),
  /** All that are given must hold. */
  expect: z
    .strictObject({
      contains: z.array(z.string().min(1)).optional(),
      excludes: z.array(z.string().min(1)).optional(),
      matches: z.string().max(500).refine(isExpression, 'no regular expression of JavaScript').optional(),
      equals: z.string().optional(),
      json: z.record(z.string(), z.json()).optional(),
    })
    .refine((expect) => Object.keys(expect).length > 0, 'a golden question needs an expectation'),
  maxTokens: z.int().min(1).max(4096).default(64),
});

/** One step of the canary. Both conditions must be met, and every judge must have enough to go by. */
const stepSchema = z.strictObject({
  /** Weight of the candidate in percent of all: 1…100. */
  percent: z.number().gt(0).max(100),
  /** Least answers of the candidate in this step. */
  requests: z.int().min(1).default(50),
  /** Least time in this step. */
  minutes: z.number().min(0).max(100_000).default(0),
});

const shadowPlanSchema = z.strictObject({
  share: share.default(1),
  /** Least comparisons before the canary begins. */
  comparisons: z.int().min(1).default(100),
  minutes: z.number().min(0).max(100_000).default(0),
  mostConcurrent: z.int().min(1).max(64).default(1),
  mostPerMinute: z.int().min(1).max(100_000).default(600),
});

/** What a rollout does and by what it is judged. */
export const rolloutPlanSchema = z.strictObject({
  strategy: z
    .array(z.enum(['shadow', 'canary']))
    .min(1)
    .max(2)
    .default(['shadow', 'canary']),
  shadow: shadowPlanSchema.prefault({}),
  steps: z
    .array(stepSchema)
    .min(1)
    .max(20)
    .default([
      { percent: 1, requests: 20, minutes: 0 },
      { percent: 5, requests: 50, minutes: 0 },
      { percent: 25, requests: 100, minutes: 0 },
      { percent: 50, requests: 100, minutes: 0 },
      { percent: 100, requests: 50, minutes: 0 },
    ])
    .refine(
      (steps) => steps.every((step, i) => i === 0 || step.percent > (steps[i - 1]?.percent ?? 0)),
      'percent must grow from step to step',
    ),
  judges: judgesSchema.prefault({}),
  /** Chance that a candidate as good as the current version is rolled back, over the whole rollout and all judges. */
  falseAlarmRate: z.number().gt(0).max(0.5).default(0.05),
  /** A judge without so many observations of either version has not enough data. */
  leastObservations: z.int().min(1).default(20),
  golden: z.array(goldenSchema).max(500).default([]),
  /** Price of a million tokens, by version, in any one currency. */
  cost: z.record(z.string(), z.strictObject({ prompt: z.number().min(0), completion: z.number().min(0) })).default({}),
  /** Longest stay in one state without enough data; then it pauses by itself and says so. 0 waits for ever. */
  patienceMinutes: z.number().min(0).default(0),
  /** Aliases that move to the candidate when it is promoted, if they pointed to the version before. */
  aliases: z.array(z.string()).default(['stable']),
  /** Requests of the capture that warm the candidate up before it counts as ready. */
  warmUpRequests: z.int().min(0).max(1000).default(5),
});

export type RolloutPlan = z.infer<typeof rolloutPlanSchema>;
export type Judges = z.infer<typeof judgesSchema>;
export type JudgeName = keyof Judges;
export type GoldenQuestion = z.infer<typeof goldenSchema>;

/** The plan of a rollout's record. Throws `conflict` for one that this release of Plinth does not understand. */
export function readPlan(document: JsonObject): RolloutPlan {
  const parsed = rolloutPlanSchema.safeParse(document);
  if (parsed.success) return parsed.data;
  const place = parsed.error.issues[0]?.path.join('.') ?? '';
  const message = `The plan of the rollout is of another release of Plinth and cannot be read (${place === '' ? 'the whole' : place}): only 'abort' is possible with this one.`;
  throw new PlinthError({ code: 'conflict', message });
}

/** For documents, and for ends that no plan decides: the default plan where the record's cannot be read. */
export function readPlanOrDefault(document: JsonObject): RolloutPlan {
  const parsed = rolloutPlanSchema.safeParse(document);
  return parsed.success ? parsed.data : rolloutPlanSchema.parse({});
}

function isExpression(pattern: string): boolean {
  try {
    return new RegExp(pattern) instanceof RegExp;
  } catch {
    return false;
  }
}
