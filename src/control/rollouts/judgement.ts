import { z } from 'zod';
import type { JsonObject } from '../../core/inference/index.ts';
import type { Agreement, Decision, Verdict } from './verdict.ts';

/** What was thought of a rollout last: kept in its record as `verdicts`. */
export interface Judgement {
  /** Unix milliseconds. */
  readonly at: number;
  readonly verdicts: readonly Verdict[];
  readonly decision: Decision;
  /** Whole rounds of golden questions in this state and step, and where the one under way stands. */
  readonly golden: { readonly rounds: number; readonly next: number; readonly of: number };
  readonly counts: {
    readonly comparisons: number;
    readonly liveCurrent: number;
    readonly liveCandidate: number;
    readonly stepCandidate: number;
  };
  /** Absent before answers were compared, and in what older releases have written. */
  readonly agreement?: Agreement;
  /** Observations that were too many to keep. */
  readonly dropped: number;
}

const looseJudgement = z.looseObject({ at: z.number(), verdicts: z.array(z.looseObject({})), decision: z.looseObject({}) });

/** As a document of the book. */
export function describeJudgement(judgement: Judgement): JsonObject {
  return JSON.parse(JSON.stringify(judgement)) as JsonObject;
}

/** Undefined before anything was thought. */
export function readJudgement(document: JsonObject): Judgement | undefined {
  const found: unknown = document;
  return isJudgement(found) ? found : undefined;
}

function isJudgement(document: unknown): document is Judgement {
  return looseJudgement.safeParse(document).success;
}
