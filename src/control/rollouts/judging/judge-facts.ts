import type { MeanJudge, EventJudge, EvidenceDocument } from './evidence-document.ts';

/** How a judge of means measures. */
export interface MeanFacts {
  readonly unit: 'ms' | 'tokens' | 'price' | 'score' | 'nats' | 'share';
  /** Numbers are logarithms: means are geometric, and the limit is a ratio. */
  readonly scale: 'ratio' | 'plain';
  readonly subject: string;
  readonly noun: string;
  readonly absence: string;
  readonly chances: (counts: EvidenceDocument['counts']) => number;
}

type Counts = EvidenceDocument['counts'];
const comparisons = (counts: Counts) => counts.comparisons;
const live = (counts: Counts) => counts.liveCandidate;
const both = (counts: Counts) => counts.liveCandidate + counts.comparisons;

const time = { unit: 'ms', scale: 'ratio' } as const;
const quality = { unit: 'share', scale: 'plain', chances: comparisons } as const;

export const meanFacts: Readonly<Record<MeanJudge, MeanFacts>> = {
  firstToken: {
    ...time,
    subject: 'the first token comes after',
    noun: 'times to the first token',
    absence: 'no caller has had a token of the candidate yet: this is judged on live answers of models that have tokens',
    chances: live,
  },
  interToken: {
    ...time,
    subject: 'the gap between tokens is',
    noun: 'gaps between tokens',
    absence: 'no answer of several tokens of the candidate was seen',
    chances: both,
  },
  duration: {
    ...time,
    subject: 'an answer takes',
    noun: 'durations of answers without tokens',
    absence: 'no answer without tokens was seen: the times of tokens are judged instead',
    chances: both,
  },
  tokensOut: {
    unit: 'tokens',
    scale: 'ratio',
    subject: 'an answer has',
    noun: 'answers with counted tokens',
    absence: 'no answer with counted tokens was seen',
    chances: both,
  },
  cost: {
    unit: 'price',
    scale: 'ratio',
    subject: 'an answer costs',
    noun: 'answers with a price',
    absence: 'no answer with a price above 0 was seen',
    chances: both,
  },
  similarity: {
    ...quality,
    unit: 'score',
    subject: 'likeness to the answers of the current version is',
    noun: 'comparisons with a second answer of the current version',
    absence: 'no answers were compared with second answers of the current version',
  },
  perplexity: {
    ...quality,
    unit: 'nats',
    subject: 'log-likelihood under the current version is',
    noun: 'answers whose likelihood was measured',
    absence: 'the current version has told the likelihood of no answer',
  },
  structure: {
    ...quality,
    subject: 'sound structure has',
    noun: 'answers that a structure was asked for',
    absence: 'no compared request asked for a structure',
  },
  golden: {
    ...quality,
    subject: 'golden questions answered as expected:',
    noun: 'answers to golden questions',
    absence: 'no golden question was asked',
  },
  preference: {
    ...quality,
    subject: 'preferred by the judge model:',
    noun: 'verdicts of the judge model',
    absence: 'no judge model has compared answers',
  },
  feedback: {
    ...quality,
    unit: 'score',
    subject: 'feedback is',
    noun: 'feedback',
    absence: 'no feedback was given on answers of the candidate',
    chances: live,
  },
};

/** How a judge of events counts. */
export interface EventFacts {
  /** After "3 of 20 answers". */
  readonly verb: string;
  readonly isRequired: boolean;
  readonly noun: string;
  readonly absence: string;
  readonly chances: (counts: Counts) => number;
}

export const eventFacts: Readonly<Record<EventJudge, EventFacts>> = {
  errors: { verb: 'failed', isRequired: true, noun: 'answers', absence: '', chances: both },
  timeouts: { verb: 'came too late', isRequired: true, noun: 'answers', absence: '', chances: both },
  refusals: {
    verb: 'begin like a refusal',
    isRequired: false,
    noun: 'answers that could be a refusal',
    absence: 'no answer in words was seen',
    chances: both,
  },
  brokenOutputs: {
    verb: 'hold NaN, infinite or constant numbers',
    isRequired: false,
    noun: 'answers of numbers',
    absence: 'no answer of numbers was seen',
    chances: both,
  },
};
