import { PlinthError } from '../../../core/errors/index.ts';
import type { JsonObject } from '../../../core/inference/index.ts';
import type { Observation, SampledAnswer, ShadowComparison } from '../../../core/messages/index.ts';
import type { FeedbackRecord } from '../../../core/records/index.ts';
import {
  addClass,
  addEvent,
  addEventBlock,
  dropOpenNumbers,
  endClassBlock,
  endEventBlock,
  noEventTest,
  type Side,
} from '../../../core/statistics/index.ts';
import type { RolloutPlan } from '../rollout-plan.ts';
import type { Agreement, ComparisonScores, GoldenResult } from '../verdict.ts';
import { asNats, asScore, chargeOf, countsAgainst, isBrokenOutput, isText, logMs, logTokens, usageOf } from './answer-facts.ts';
import {
  emptyDocument,
  EVENT_JUDGES,
  evidenceSchema,
  MEAN_JUDGES,
  mergeDocuments,
  noDirections,
  type EventJudge,
  type EvidenceDocument,
  type MeanJudge,
} from './evidence-document.ts';
import { addMean, addMeanPair, type NumberPair } from './mean-track.ts';

/** A process that has just been started is slow at first, whatever it runs: so many answers of the candidate are not timed. */
const COLD_ANSWERS = 5;

/** What evidence is gathered for: two versions, and their prices where the plan has them. */
export interface EvidenceStart {
  readonly baseline: string;
  readonly candidate: string;
  readonly plan: Pick<RolloutPlan, 'cost'>;
}

/** The answers of a comparison. Of their events only the report of tokens is read. */
export type ComparedAnswers = Pick<ShadowComparison, 'current' | 'reference' | 'candidate'>;

/**
 * What has been seen of a rollout: counts and sequential tests, about 20 KB of JSON however long it goes on. Answers that were
 * cancelled or refused count for nothing. Several lots of evidence of one rollout can be merged.
 */
export class RolloutEvidence {
  readonly #document: EvidenceDocument;

  private constructor(document: EvidenceDocument) {
    this.#document = document;
  }

  static begin({ baseline, candidate, plan }: EvidenceStart): RolloutEvidence {
    const [current, next] = [plan.cost[baseline], plan.cost[candidate]];
    const prices = current === undefined || next === undefined ? undefined : { current, candidate: next };
    return new RolloutEvidence(emptyDocument({ baseline, candidate, ...(prices === undefined ? {} : { prices }) }));
  }

  /** Throws `invalid_request` for what no `toJson` has made. */
  static fromJson(json: unknown): RolloutEvidence {
    const parsed = evidenceSchema.safeParse(structuredClone(json));
    if (parsed.success) return new RolloutEvidence(parsed.data);
    const [issue] = parsed.error.issues;
    const place = issue === undefined || issue.path.length === 0 ? 'the document' : issue.path.join('.');
    throw new PlinthError({
      code: 'invalid_request',
      message: `The evidence of the rollout cannot be read: ${place} is not as expected (${issue?.message ?? 'unknown'}).`,
    });
  }

  toJson(): JsonObject {
    return JSON.parse(JSON.stringify(this.#document)) as JsonObject;
  }

  /** For judges: not to be changed. */
  get document(): Readonly<EvidenceDocument> {
    return this.#document;
  }

  /** How far conditions of steps are met. */
  get counts(): Readonly<EvidenceDocument['counts']> {
    return this.#document.counts;
  }

  /** Undefined before any second answer was compared. */
  get agreement(): Agreement | undefined {
    const { agreement, counts } = this.#document;
    return counts.references === 0 ? undefined : { comparisons: counts.references, ...agreement };
  }

  /** One answer to a caller. Those of other versions are passed over. */
  observe(observation: Observation): void {
    const side = this.#sideOf(observation.version);
    const { counts, isAlone } = this.#document;
    if (side === undefined || !countsAgainst(observation.outcome)) return;
    // A straggler of the step before: one against thousands that it did not run beside.
    if (side === 'current' && isAlone) return;
    if (side === 'current') counts.liveCurrent += 1;
    else {
      counts.liveCandidate += 1;
      counts.stepCandidate += 1;
    }
    this.#count('errors', side, observation.outcome === 'failed');
    this.#count('timeouts', side, observation.outcome === 'timeout');
    if (observation.outcome === 'ok') this.#observeAnswer(side, observation);
  }

  /** Answers to one request side by side, and how alike they are where that could be told. */
  compare(comparison: Pick<ShadowComparison, 'current' | 'reference' | 'candidate'>, scores?: ComparisonScores): void {
    const { reference, candidate, current } = comparison;
    if (candidate.version !== this.#document.candidate || !countsAgainst(candidate.outcome)) return;
    this.#document.counts.comparisons += 1;
    const against = reference !== undefined && countsAgainst(reference.outcome) ? reference : current;
    if (countsAgainst(against.outcome)) {
      this.#countPair('errors', { current: against.outcome === 'failed', candidate: candidate.outcome === 'failed' });
      this.#countPair('timeouts', { current: against.outcome === 'timeout', candidate: candidate.outcome === 'timeout' });
    }
    if (candidate.outcome === 'ok') {
      if (reference?.outcome === 'ok') this.#compareSpeed(reference, candidate);
      // From then on the caller's answer is held against live answers of the candidate, and one answer must not count as two.
      if (current.outcome === 'ok' && this.#document.counts.liveCandidate === 0) this.#compareSize(current, candidate);
    }
    if (scores !== undefined) this.#compareScores(scores);
  }

  /** One round of one golden question. */
  addGolden(result: GoldenResult): void {
    this.#pair('golden', { current: Number(result.current), candidate: Number(result.candidate) });
  }

  addFeedback(feedback: Pick<FeedbackRecord, 'version' | 'score'>): void {
    const side = this.#sideOf(feedback.version);
    if (side !== undefined) addMean(this.#document.means, 'feedback', { side, value: asScore(feedback.score) });
  }

  /** Begins a canary step, from 0: its counts and its own tests start anew. `answering` says who gets requests in it. */
  beginStep(step: number, answering: 'both' | 'candidate' = 'both'): void {
    const document = this.#document;
    document.step = step;
    document.isAlone = answering === 'candidate';
    document.counts.stepCandidate = 0;
    for (const name of EVENT_JUDGES) {
      endEventBlock(document.events[name].whole);
      document.events[name].step = noEventTest();
    }
    for (const name of MEAN_JUDGES) {
      const { worse, other } = document.means[name].whole;
      dropOpenNumbers(worse);
      if (other !== undefined) dropOpenNumbers(other);
      document.means[name].step = noDirections(name);
    }
    endClassBlock(document.classes);
  }

  /** What both have seen; neither is changed. Throws `conflict` for evidence of other versions. */
  merge(other: RolloutEvidence): RolloutEvidence {
    const [a, b] = [this.#document, other.#document];
    if (a.baseline !== b.baseline || a.candidate !== b.candidate)
      throw new PlinthError({
        code: 'conflict',
        message: `Evidence of versions ${a.baseline} and ${a.candidate} cannot be merged with that of ${b.baseline} and ${b.candidate}.`,
      });
    return new RolloutEvidence(structuredClone(mergeDocuments(a, b)));
  }

  #observeAnswer(side: Side, observation: Observation): void {
    const { means, counts } = this.#document;
    const isCold = side === 'candidate' && counts.liveCandidate <= COLD_ANSWERS;
    // A version that says nothing at all still is one of text where the other one talks.
    if (isText(observation) || means.tokensOut.current.count > 0) {
      this.#count('refusals', side, observation.isRefusal === true);
      addMean(means, 'firstToken', { side, value: isCold ? undefined : logMs(observation.firstTokenMs) });
      addMean(means, 'interToken', { side, value: isCold ? undefined : logMs(observation.gapMs) });
      addMean(means, 'tokensOut', { side, value: logTokens(observation.completionTokens) });
      addMean(means, 'cost', { side, value: this.#charge(side, observation) });
    } else addMean(means, 'duration', { side, value: isCold ? undefined : logMs(observation.totalMs) });
    if (observation.output === undefined) return;
    this.#count('brokenOutputs', side, isBrokenOutput(observation.output));
    const [name] = observation.output.classes;
    // The rows of one request are no independent answers.
    if (name !== undefined) addClass(this.#document.classes, side, name);
  }

  /** Against the second answer, which runs beside it: the first one ran while the machine had other things to do. */
  #compareSpeed(reference: SampledAnswer, candidate: SampledAnswer): void {
    if (this.#document.counts.comparisons <= COLD_ANSWERS) return;
    this.#pair('interToken', { current: logMs(reference.gapMs), candidate: logMs(candidate.gapMs) });
    if (isText({ ...reference, ...usageOf(reference) }) || isText({ ...candidate, ...usageOf(candidate) })) return;
    this.#pair('duration', { current: logMs(reference.totalMs), candidate: logMs(candidate.totalMs) });
  }

  /** Against the first answer, which was asked for in the same words and with the same temperature. */
  #compareSize(current: SampledAnswer, candidate: SampledAnswer): void {
    const [own, other] = [usageOf(current), usageOf(candidate)];
    if (isText(own) || isText(other)) {
      this.#pair('tokensOut', { current: logTokens(own.completionTokens), candidate: logTokens(other.completionTokens) });
      this.#pair('cost', { current: this.#charge('current', own), candidate: this.#charge('candidate', other) });
    }
    if (current.isRefusal !== undefined && candidate.isRefusal !== undefined)
      this.#countPair('refusals', { current: current.isRefusal, candidate: candidate.isRefusal });
    if (current.output !== undefined && candidate.output !== undefined)
      this.#countPair('brokenOutputs', {
        current: isBrokenOutput(current.output),
        candidate: isBrokenOutput(candidate.output),
      });
  }

  #compareScores({ candidate, reference, likelihood, preference, structure }: ComparisonScores): void {
    const { agreement, counts } = this.#document;
    if (reference !== undefined) {
      counts.references += 1;
      agreement.exact += Number(candidate.exact);
      agreement.normalised += Number(candidate.normalised);
      agreement.referenceExact += Number(reference.exact);
      agreement.referenceNormalised += Number(reference.normalised);
      this.#pair('similarity', { current: asScore(reference.similarity), candidate: asScore(candidate.similarity) });
    }
    if (likelihood !== undefined)
      this.#pair('perplexity', { current: asNats(likelihood.current), candidate: asNats(likelihood.candidate) });
    if (preference !== undefined) this.#pair('preference', { current: 0.5, candidate: asScore(preference) });
    if (structure !== undefined)
      this.#pair('structure', { current: Number(structure.current), candidate: Number(structure.candidate) });
  }

  #sideOf(version: string): Side | undefined {
    if (version === this.#document.candidate) return 'candidate';
    return version === this.#document.baseline ? 'current' : undefined;
  }

  #count(judge: EventJudge, side: Side, isHit: boolean): void {
    const { whole, step } = this.#document.events[judge];
    const outcome = isHit ? 'hit' : 'miss';
    addEvent(whole, side, outcome);
    addEvent(step, side, outcome);
  }

  #countPair(judge: EventJudge, { current, candidate }: { readonly current?: boolean; readonly candidate: boolean }): void {
    const { whole, step } = this.#document.events[judge];
    const block = {
      current: { count: Number(current !== undefined), hits: Number(current ?? false) },
      candidate: { count: 1, hits: Number(candidate) },
    };
    addEventBlock(whole, block);
    addEventBlock(step, block);
  }

  #pair(judge: MeanJudge, pair: NumberPair): void {
    addMeanPair(this.#document.means, judge, pair);
  }

  #charge(side: Side, tokens: { readonly promptTokens?: number; readonly completionTokens?: number }): number | undefined {
    return chargeOf(this.#document.prices?.[side], tokens);
  }
}
