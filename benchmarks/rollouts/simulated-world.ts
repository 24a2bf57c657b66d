import type { Observation, SampledAnswer, ShadowComparison } from '../../src/core/messages/index.ts';
import type { ComparisonScores } from '../../src/control/rollouts/judging/index.ts';
import type { Draws } from './draws.ts';

/** What a version of a made-up model is like. */
export interface VersionTraits {
  readonly errorRate: number;
  readonly timeoutRate: number;
  /** Medians of log-normal times; `spread` is the standard deviation of their logarithms. */
  readonly firstTokenMs: number;
  readonly gapMs: number;
  readonly spread: number;
  readonly tokens: number;
  readonly refusalRate: number;
  /** Quality of an answer: mean over requests, standard deviation over requests, and of answers to one request. */
  readonly score: { readonly mean: number; readonly ofRequests: number; readonly ofAnswers: number };
  /** Share of good feedback, and of answers that get any. */
  readonly feedback: { readonly good: number; readonly given: number };
  /** Shares of classes, of models that have no tokens. */
  readonly classes?: readonly number[];
}

/** A language model as models are: times spread over half a decade, one answer in two hundred fails. */
export const languageModel: VersionTraits = {
  errorRate: 0.005,
  timeoutRate: 0.002,
  firstTokenMs: 180,
  gapMs: 30,
  spread: 0.6,
  tokens: 120,
  refusalRate: 0.02,
  score: { mean: 0.7, ofRequests: 0.15, ofAnswers: 0.1 },
  feedback: { good: 0.8, given: 0.3 },
};

/** A classifier: times that hardly differ, five classes. */
export const classifier: VersionTraits = {
  ...languageModel,
  errorRate: 0.02,
  firstTokenMs: 8,
  spread: 0.15,
  score: { mean: 0.9, ofRequests: 0.05, ofAnswers: 0.03 },
  classes: [0.5, 0.25, 0.15, 0.07, 0.03],
};

/** Times and qualities without bounds to speak of: every tenth request is twenty times as long, one answer in ten fails. */
export const roughModel: VersionTraits = {
  ...languageModel,
  errorRate: 0.1,
  timeoutRate: 0.03,
  spread: 1.4,
  refusalRate: 0.2,
  score: { mean: 0.5, ofRequests: 0.3, ofAnswers: 0.3 },
  feedback: { good: 0.5, given: 0.8 },
};

/** Identity of an answer that only the simulation knows. */
interface Origin {
  readonly version: string;
  readonly traits: VersionTraits;
}

const PURPOSE = { kind: 'rollout', id: 'simulated' } as const;

/** One answer to a caller. */
export function drawObservation(draws: Draws, { version, traits }: Origin): Observation {
  const answer = drawAnswer(draws, { version, traits });
  const head = { requestId: '', keyId: '', model: 'm', version, arm: '', purpose: PURPOSE, unit: '', at: 0 };
  const { events: _, ...times } = answer;
  if (traits.classes !== undefined)
    return { ...head, ...times, output: { isBroken: false, isConstant: false, classes: [String(draws.pick(traits.classes))] } };
  return {
    ...head,
    ...times,
    promptTokens: 100,
    completionTokens: Math.ceil(draws.logNormal(traits.tokens, traits.spread)),
    isRefusal: draws.happens(traits.refusalRate),
  };
}

/** The answers of both versions to one request, with the likeness of the second ones to the first. */
export function drawComparison(
  draws: Draws,
  { current, candidate }: { readonly current: Origin; readonly candidate: Origin },
): { readonly comparison: ShadowComparison; readonly scores?: ComparisonScores } {
  const [first, second, other] = [drawAnswer(draws, current), drawAnswer(draws, current), drawAnswer(draws, candidate)];
  const comparison: ShadowComparison = {
    requestId: '',
    model: 'm',
    purpose: PURPOSE,
    request: { kind: 'embed', id: '', model: 'm' } as ShadowComparison['request'],
    current: first,
    reference: second,
    candidate: other,
  };
  if ([first, second, other].some(({ outcome }) => outcome !== 'ok')) return { comparison };
  const ofRequest = draws.normal(0, current.traits.score.ofRequests);
  const scoreOf = ({ traits: { score } }: Origin) => ({
    exact: false,
    normalised: false,
    similarity: Math.min(Math.max(score.mean + ofRequest + draws.normal(0, score.ofAnswers), 0), 1),
  });
  return { comparison, scores: { candidate: scoreOf(candidate), reference: scoreOf(current) } };
}

function drawAnswer(draws: Draws, { version, traits }: Origin): SampledAnswer {
  const totalMs = draws.logNormal(traits.firstTokenMs, traits.spread);
  if (draws.happens(traits.errorRate)) return { version, outcome: 'failed', totalMs, events: [] };
  if (draws.happens(traits.timeoutRate)) return { version, outcome: 'timeout', totalMs, events: [] };
  const tokenTimes =
    traits.classes === undefined ? { firstTokenMs: totalMs, gapMs: draws.logNormal(traits.gapMs, traits.spread / 3) } : {};
  return { version, outcome: 'ok', totalMs, ...tokenTimes, events: [] };
}
