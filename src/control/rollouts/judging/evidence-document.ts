import { z } from 'zod';
import {
  classTestSchema,
  eventTestSchema,
  exchangeTestSchema,
  mergeClassTests,
  mergeEventTests,
  mergeExchangeTests,
  mergeMoments,
  momentsSchema,
  noClassTest,
  noEventTest,
  noExchangeTest,
  noMoments,
} from '../../../core/statistics/index.ts';

/** Judges that count how often something happens. */
export const EVENT_JUDGES = ['errors', 'timeouts', 'refusals', 'brokenOutputs'] as const;
/** Judges that compare means of numbers, and which way a number is worse. */
export const WORSE = {
  firstToken: 'higher',
  interToken: 'higher',
  duration: 'higher',
  tokensOut: 'either',
  cost: 'higher',
  similarity: 'lower',
  perplexity: 'lower',
  structure: 'lower',
  golden: 'lower',
  preference: 'lower',
  feedback: 'lower',
} as const;
export const MEAN_JUDGES = Object.keys(WORSE) as (keyof typeof WORSE)[];
export type EventJudge = (typeof EVENT_JUDGES)[number];
export type MeanJudge = keyof typeof WORSE;

/** Each judge tests over the whole rollout, and anew in each step: what only shows under more load is not outvoted by a good past. */
const eventTrackSchema = z.strictObject({ whole: eventTestSchema, step: eventTestSchema });
/** `worse` tests numbers turned so that more is worse; `other` the other way round, where both ways are bad. */
const directionsSchema = z.strictObject({ worse: exchangeTestSchema, other: exchangeTestSchema.optional() });
const meanTrackSchema = z.strictObject({
  whole: directionsSchema,
  step: directionsSchema,
  current: momentsSchema,
  candidate: momentsSchema,
});
const count = z.int().min(0);
const pricesSchema = z.strictObject({ prompt: z.number().min(0), completion: z.number().min(0) });

const countsSchema = z.strictObject({
  /** Comparisons of answers, and those in which the current version answered twice. */
  comparisons: count,
  references: count,
  /** Answers to callers, refused and cancelled ones left out. */
  liveCurrent: count,
  liveCandidate: count,
  /** Of those of the candidate, the ones of this step. */
  stepCandidate: count,
});

export const evidenceSchema = z.strictObject({
  version: z.literal(1),
  baseline: z.string(),
  candidate: z.string(),
  /** Of a million tokens, where both versions have a price. */
  prices: z.strictObject({ current: pricesSchema, candidate: pricesSchema }).optional(),
  step: z.int().min(-1),
  /** In this step every request goes to the candidate. */
  isAlone: z.boolean().default(false),
  counts: countsSchema,
  /** How many answers were the caller's answer again. */
  agreement: z.strictObject({ exact: count, normalised: count, referenceExact: count, referenceNormalised: count }),
  events: z.strictObject({
    errors: eventTrackSchema,
    timeouts: eventTrackSchema,
    refusals: eventTrackSchema,
    brokenOutputs: eventTrackSchema,
  }),
  means: z.strictObject({
    firstToken: meanTrackSchema,
    interToken: meanTrackSchema,
    duration: meanTrackSchema,
    tokensOut: meanTrackSchema,
    cost: meanTrackSchema,
    similarity: meanTrackSchema,
    perplexity: meanTrackSchema,
    structure: meanTrackSchema,
    golden: meanTrackSchema,
    preference: meanTrackSchema,
    feedback: meanTrackSchema,
  }),
  classes: classTestSchema,
});

export type EvidenceDocument = z.infer<typeof evidenceSchema>;
type EventTrack = z.infer<typeof eventTrackSchema>;
export type MeanTrack = z.infer<typeof meanTrackSchema>;
export type Directions = z.infer<typeof directionsSchema>;

const noEventTrack = (): EventTrack => ({ whole: noEventTest(), step: noEventTest() });
export const noDirections = (judge: MeanJudge): Directions =>
  WORSE[judge] === 'either' ? { worse: noExchangeTest(), other: noExchangeTest() } : { worse: noExchangeTest() };
const noMeanTrack = (judge: MeanJudge): MeanTrack => ({
  whole: noDirections(judge),
  step: noDirections(judge),
  current: noMoments(),
  candidate: noMoments(),
});

/** Evidence before anything was seen. */
export function emptyDocument(start: Pick<EvidenceDocument, 'baseline' | 'candidate' | 'prices'>): EvidenceDocument {
  return {
    version: 1,
    ...start,
    step: -1,
    isAlone: false,
    counts: { comparisons: 0, references: 0, liveCurrent: 0, liveCandidate: 0, stepCandidate: 0 },
    agreement: { exact: 0, normalised: 0, referenceExact: 0, referenceNormalised: 0 },
    events: forEach(EVENT_JUDGES, noEventTrack),
    means: forEach(MEAN_JUDGES, noMeanTrack),
    classes: noClassTest(),
  };
}

/** The evidence of both, in any order. That of a step is added where both stand in the same one; else the later step's stays. */
export function mergeDocuments(a: EvidenceDocument, b: EvidenceDocument): EvidenceDocument {
  const mergeStep = <Part>(ofA: Part, ofB: Part, merge: (a: Part, b: Part) => Part): Part => {
    if (a.step === b.step) return merge(ofA, ofB);
    return a.step > b.step ? ofA : ofB;
  };
  return {
    ...a,
    step: Math.max(a.step, b.step),
    isAlone: mergeStep(a.isAlone, b.isAlone, (x, y) => x || y),
    counts: {
      ...addAll(a.counts, b.counts),
      stepCandidate: mergeStep(a.counts.stepCandidate, b.counts.stepCandidate, (x, y) => x + y),
    },
    agreement: addAll(a.agreement, b.agreement),
    events: forEach(EVENT_JUDGES, (name) => ({
      whole: mergeEventTests(a.events[name].whole, b.events[name].whole),
      step: mergeStep(a.events[name].step, b.events[name].step, mergeEventTests),
    })),
    means: forEach(MEAN_JUDGES, (name) => ({
      whole: mergeDirections(a.means[name].whole, b.means[name].whole),
      step: mergeStep(a.means[name].step, b.means[name].step, mergeDirections),
      current: mergeMoments(a.means[name].current, b.means[name].current),
      candidate: mergeMoments(a.means[name].candidate, b.means[name].candidate),
    })),
    classes: mergeClassTests(a.classes, b.classes),
  };
}

function mergeDirections(a: Directions, b: Directions): Directions {
  const worse = mergeExchangeTests(a.worse, b.worse);
  return a.other === undefined || b.other === undefined ? { worse } : { worse, other: mergeExchangeTests(a.other, b.other) };
}

function addAll<Name extends string>(a: Record<Name, number>, b: Record<Name, number>): Record<Name, number> {
  const sum = { ...a };
  for (const name in b) sum[name] += b[name];
  return sum;
}

function forEach<Name extends string, Value>(names: readonly Name[], make: (name: Name) => Value): Record<Name, Value> {
  return Object.fromEntries(names.map((name) => [name, make(name)])) as Record<Name, Value>;
}
