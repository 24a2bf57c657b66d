import type { JudgeName } from './rollout-plan.ts';

/** What one comparison of answers has shown. Scores lie between 0 and 1; absent where they mean nothing for this kind of request. */
export interface ComparisonScores {
  readonly candidate: AnswerScores;
  /** The current version's second answer against its first; absent when it was not asked again. */
  readonly reference?: AnswerScores;
  /** Mean log-likelihood per token, in nats, under the current version: of the candidate's answer and of its own. */
  readonly likelihood?: { readonly candidate: number; readonly current: number };
  /** 1 the candidate's answer is better, 0 the current one's, 0.5 neither; by the judge model. */
  readonly preference?: number;
  /** Whether answers have the structure that was asked for; absent when none was. */
  readonly structure?: { readonly candidate: boolean; readonly current: boolean };
}

/** An answer against the one that the caller got. */
export interface AnswerScores {
  readonly exact: boolean;
  /** Equal but for case, white space and punctuation. */
  readonly normalised: boolean;
  /** 0 unlike … 1 alike: cosine of embeddings where there is an embedding model, else of character trigrams; of vectors and tensors their own likeness. */
  readonly similarity: number;
}

/** How many answers to the same request were the caller's answer again. Differing is no fault: there is no limit to this. */
export interface Agreement {
  /** Comparisons in which the current version answered a second time; the others tell nothing. */
  readonly comparisons: number;
  /** Of the candidate, word for word. */
  readonly exact: number;
  /** Of the candidate, equal at least but for case, white space and punctuation. */
  readonly normalised: number;
  /** The same of the current version's second answers. */
  readonly referenceExact: number;
  readonly referenceNormalised: number;
}

/** One run of a golden question. */
export interface GoldenResult {
  readonly question: number;
  readonly candidate: boolean;
  readonly current: boolean;
}

/** `not-enough-data` is neither good nor bad: a rollout does not move on because of it. */
export type VerdictState = 'pass' | 'fail' | 'not-enough-data' | 'off';

/** What one judge says. Numbers are in the judge's own measure, which `unit` names. */
export interface Verdict {
  readonly judge: JudgeName;
  readonly state: VerdictState;
  /** Observations of each. */
  readonly currentCount: number;
  readonly candidateCount: number;
  readonly current?: number;
  readonly candidate?: number;
  /** Candidate − current, with the bounds of a confidence sequence that holds at all times together. */
  readonly difference?: { readonly estimate: number; readonly low: number; readonly high: number };
  readonly limit: number;
  /** `share`, `ms`, `tokens`, `nats`, `score`, `index`. */
  readonly unit: string;
  /** In words, with the numbers: `18 of 120 answers failed (15.0 %), 0 of 130 of version 1`. */
  readonly reason: string;
}

/** What to do with a rollout now. */
export interface Decision {
  readonly action: 'hold' | 'advance' | 'promote' | 'roll-back';
  /** In words; names the judge that decides, or what is still missing. */
  readonly reason: string;
  /** The judges that say no. */
  readonly failed: readonly JudgeName[];
  /** The judges that cannot say yet. */
  readonly undecided: readonly JudgeName[];
}
