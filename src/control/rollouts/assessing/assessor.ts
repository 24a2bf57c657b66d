import type { InferencePort, SampledAnswer, ShadowComparison } from '../../../core/messages/index.ts';
import type { Logger } from '../../../core/telemetry/index.ts';
import type { RolloutPlan } from '../rollout-plan.ts';
import type { AnswerScores, ComparisonScores, GoldenResult } from '../verdict.ts';
import { askJudgeModel } from './ask-judge-model.ts';
import { embedTexts, type AskedModel } from './ask-inside.ts';
import { compareAnswers, type TextLikeness } from './compare-answers.ts';
import { askGoldenQuestions, type GoldenRun } from './golden-questions.ts';
import { judgeStructure } from './judge-structure.ts';
import { measureLikelihood } from './measure-likelihood.ts';
import { cosineOf } from './number-likeness.ts';
import { readAnswer, type Answer } from './read-answer.ts';
import { trigramLikeness } from './text-likeness.ts';

/** What an assessor asks, and how much it may take on. */
export interface AssessorOptions {
  readonly inference: InferencePort;
  /** Served model whose embeddings tell how alike two texts are; the wording tells it when absent or not served. */
  readonly embeddingModel?: string;
  /** Served model that says which of two answers is better. */
  readonly judgeModel?: string;
  readonly isServed: (model: string) => boolean;
  readonly logger: Logger;
  /** Assessments at once; 1 when absent. */
  readonly mostAtOnce?: number;
  /** Comparisons that may wait; 32 when absent. More are dropped. */
  readonly mostWaiting?: number;
}

/** Why a comparison gave no scores, or scores of less than was wanted. */
export type AssessmentGap =
  | 'too-many-waiting'
  | 'current-not-ok'
  | 'candidate-not-ok'
  | 'answer-incomplete'
  | 'answer-too-long'
  | 'no-embeddings'
  | 'no-preference'
  | 'assessment-failed';

/** Counts since the start. */
export interface AssessmentCounts {
  readonly assessed: number;
  readonly gaps: Readonly<Partial<Record<AssessmentGap, number>>>;
}

/** Turns answers into scores. */
export interface Assessor {
  /** Undefined when the answers cannot be compared; `counts` tells why. Never rejects. */
  assess(comparison: ShadowComparison, plan: Pick<RolloutPlan, 'judges'>): Promise<ComparisonScores | undefined>;
  /** Asks both versions one question after the other; those that could not be asked are left out. Never throws. */
  askGolden(run: GoldenRun): AsyncIterable<GoldenResult>;
  counts(): AssessmentCounts;
}

/** Characters of an answer's text that are read, all choices together. */
const MOST_CHARACTERS = 262_144;

/** An assessor with a budget of its own: so many comparisons at once, so many waiting, the rest dropped and counted. */
export function createAssessor(options: AssessorOptions): Assessor {
  return new BoundedAssessor(options);
}

interface ReadComparison {
  readonly comparison: ShadowComparison;
  readonly current: Answer;
  readonly candidate: Answer;
  readonly reference: Answer | undefined;
}

class BoundedAssessor implements Assessor {
  readonly #options: AssessorOptions;
  readonly #waiting: (() => void)[] = [];
  readonly #gaps: Partial<Record<AssessmentGap, number>> = {};
  #running = 0;
  #assessed = 0;

  constructor(options: AssessorOptions) {
    this.#options = options;
  }

  counts(): AssessmentCounts {
    return { assessed: this.#assessed, gaps: { ...this.#gaps } };
  }

  async assess(comparison: ShadowComparison, plan: Pick<RolloutPlan, 'judges'>): Promise<ComparisonScores | undefined> {
    const read = this.#read(comparison);
    if (read === undefined || !(await this.#begin())) return undefined;
    try {
      const scores = await this.#score(read, plan);
      this.#assessed++;
      return scores;
    } catch (error) {
      this.#options.logger.warn({ err: error, model: comparison.model }, 'answers could not be compared');
      return this.#note('assessment-failed');
    } finally {
      this.#end();
    }
  }

  askGolden(run: GoldenRun): AsyncIterable<GoldenResult> {
    return askGoldenQuestions(this.#options.inference, run);
  }

  /** Waits for a turn; false when too many wait already. */
  async #begin(): Promise<boolean> {
    const { mostAtOnce = 1, mostWaiting = 32 } = this.#options;
    if (this.#running >= mostAtOnce) {
      if (this.#waiting.length >= mostWaiting) {
        this.#note('too-many-waiting');
        return false;
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
      return true;
    }
    this.#running++;
    return true;
  }

  /** Whoever waits takes over the turn that is given back. */
  #end(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#running--;
    else next();
  }

  #read(comparison: ShadowComparison): ReadComparison | undefined {
    const { request, current, candidate, reference } = comparison;
    if (current.outcome !== 'ok') return this.#note('current-not-ok');
    if (candidate.outcome !== 'ok') return this.#note('candidate-not-ok');
    const read = (answer: SampledAnswer | undefined) => answer && readAnswer(request, answer.events);
    const first = read(current);
    const second = read(candidate);
    if (first === undefined || second === undefined) return this.#note('answer-incomplete');
    if (lengthOf(first) > MOST_CHARACTERS || lengthOf(second) > MOST_CHARACTERS) return this.#note('answer-too-long');
    return {
      comparison,
      current: first,
      candidate: second,
      reference: reference?.outcome === 'ok' ? read(reference) : undefined,
    };
  }

  async #score(read: ReadComparison, { judges }: Pick<RolloutPlan, 'judges'>): Promise<ComparisonScores> {
    const { inference, judgeModel, isServed } = this.#options;
    const { comparison, current, candidate, reference } = read;
    const { request, model } = comparison;
    const likeness = judges.similarity === null ? trigramLikeness : await this.#textLikeness(read);
    const agreement = (answer: Answer): AnswerScores => compareAnswers({ request, current, answer }, likeness);
    const structure = judges.structure === null ? undefined : judgeStructure(request, { current, candidate });
    const judgedBy = { model, version: comparison.current.version };
    const likelihood =
      judges.perplexity === null ? undefined : await measureLikelihood(inference, { request, judgedBy, current, candidate });
    const asksJudge = judges.preference !== null && judgeModel !== undefined && request.kind === 'generate';
    const preference =
      asksJudge && isServed(judgeModel)
        ? await askJudgeModel(inference, steady(judgeModel, comparison), { request, current, candidate })
        : undefined;
    if (asksJudge && preference === undefined) this.#note('no-preference');
    return {
      candidate: agreement(candidate),
      ...(reference === undefined ? {} : { reference: agreement(reference) }),
      ...(likelihood === undefined ? {} : { likelihood }),
      ...(preference === undefined ? {} : { preference }),
      ...(structure === undefined ? {} : { structure }),
    };
  }

  /** One request embeds all texts of a comparison. Without vectors the wording is compared, for all answers of it alike. */
  async #textLikeness({ comparison, current, candidate, reference }: ReadComparison): Promise<TextLikeness> {
    const { inference, embeddingModel, isServed } = this.#options;
    if (embeddingModel === undefined || comparison.request.kind !== 'generate' || !isServed(embeddingModel))
      return trigramLikeness;
    const answers = [current, candidate, ...(reference === undefined ? [] : [reference])];
    const texts = [...new Set(answers.flatMap(({ choices }) => choices.map(({ text }) => text)))].filter((text) => text !== '');
    if (texts.length < 2) return trigramLikeness;
    const vectors = await embedTexts(inference, steady(embeddingModel, comparison), texts);
    if (vectors === undefined) {
      this.#note('no-embeddings');
      return trigramLikeness;
    }
    const vectorOf = new Map(texts.map((text, at) => [text, vectors[at] ?? new Float32Array()]));
    return (one, other) => {
      const a = vectorOf.get(one);
      const b = vectorOf.get(other);
      return a === undefined || b === undefined ? 0 : cosineOf(a, b);
    };
  }

  #note(gap: AssessmentGap): undefined {
    this.#gaps[gap] = (this.#gaps[gap] ?? 0) + 1;
    return undefined;
  }
}

/** A model under test that also assesses does so with the version before, not with whichever has the most weight: nobody judges itself. */
function steady(assessing: string, { model, current }: ShadowComparison): AskedModel {
  return assessing === model ? { model, version: current.version } : { model: assessing };
}

function lengthOf({ choices, foundText }: Answer): number {
  return choices.reduce(
    (sum, { text, calls }) => sum + text.length + calls.reduce((all, call) => all + call.argumentsText.length, 0),
    foundText.length,
  );
}
