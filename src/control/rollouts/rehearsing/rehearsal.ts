import { randomInt } from 'node:crypto';
import { looksOfAnswer } from '../../../core/answers/index.ts';
import { PlinthError } from '../../../core/errors/index.ts';
import { asReferenceRequest, workerTokenTimes, type InferenceRequest } from '../../../core/inference/index.ts';
import { outcomeOf, type InferencePort, type SampledAnswer, type ShadowComparison } from '../../../core/messages/index.ts';
import type { EvidenceRecords } from '../../../core/records/index.ts';
import { gatherEvents, type Assessor } from '../assessing/index.ts';
import { judge, RolloutEvidence } from '../judging/index.ts';
import type { JudgeName, RolloutPlan } from '../rollout-plan.ts';
import type { Agreement, Verdict } from '../verdict.ts';
import { readKeptRequests, type KeptRequest } from './capture-library.ts';

/** What a rehearsal stands on. */
export interface RehearsalGround {
  readonly inference: InferencePort;
  readonly records: Pick<EvidenceRecords, 'listCaptures'>;
  readonly assessor: Assessor;
  /** Resolves when the version answers. Throws a PlinthError that says why it does not. */
  readonly ensureLoaded: (model: string, version: string, signal: AbortSignal) => Promise<void>;
  /** Has versions loaded, whether or not anything else wants them, until it is called back. Throws a PlinthError where they are not served here. */
  readonly keepLoaded: (model: string, versions: readonly string[]) => () => void;
}

/** One rehearsal. */
export interface RehearsalOrder {
  readonly model: string;
  /** Digits; the current version. */
  readonly baseline: string;
  readonly candidate: string;
  /** Most kept requests that are asked again, newest first. */
  readonly most: number;
  readonly plan: RolloutPlan;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: RehearsalProgress) => void;
}

/** How far a rehearsal is. `loading` comes once for each version. */
export type RehearsalProgress =
  | { readonly state: 'loading'; readonly version: string }
  | { readonly state: 'asking'; readonly done: number; readonly of: number; readonly compared: number };

/** What a rehearsal has shown: the same verdicts as those of a rollout. */
export interface RehearsalReport {
  readonly model: string;
  readonly baseline: string;
  readonly candidate: string;
  /** Kept requests that were asked again. */
  readonly requests: number;
  /** Of those, the ones of which both answers could be compared. */
  readonly compared: number;
  /** Kept requests that could not be read any more. */
  readonly unreadable: number;
  readonly goldenQuestions: number;
  readonly verdict: 'pass' | 'fail' | 'not-enough-data';
  /** In words. */
  readonly reason: string;
  readonly failed: readonly JudgeName[];
  readonly undecided: readonly JudgeName[];
  /** How many answers were the same; absent when none could be compared. */
  readonly agreement?: Agreement;
  readonly verdicts: readonly Verdict[];
}

const ASK_MS = 120_000;
/** Longer answers tell nothing more, and take the machine for minutes. */
const MOST_TOKENS = 1024;
const SEED_RANGE = 2 ** 32;

/**
 * Runs kept requests and the plan's golden questions against two versions, one request after the other, before any caller meets the
 * candidate. The baseline answers twice, so that there is a measure of how much its own answers differ. Throws `conflict` when there
 * is nothing to ask, `cancelled` after an abort, and what keeps a version from being loaded.
 */
export async function rehearse(ground: RehearsalGround, order: RehearsalOrder): Promise<RehearsalReport> {
  const { model, baseline, candidate, plan, signal, onProgress } = order;
  const { requests, unreadable } = await readKeptRequests(ground.records, order);
  if (requests.length === 0 && plan.golden.length === 0) throw nothingToAsk(model, unreadable);
  const letGo = ground.keepLoaded(model, [baseline, candidate]);
  try {
    for (const version of [baseline, candidate]) {
      onProgress?.({ state: 'loading', version });
      await ground.ensureLoaded(model, version, signal);
      refuseAborted(signal);
    }
    return { ...(await askBoth(ground, order, requests)), unreadable };
  } finally {
    letGo();
  }
}

async function askBoth(
  ground: RehearsalGround,
  order: RehearsalOrder,
  requests: readonly KeptRequest[],
): Promise<Omit<RehearsalReport, 'unreadable'>> {
  const { model, baseline, candidate, plan, signal, onProgress } = order;
  const evidence = RolloutEvidence.begin({ baseline, candidate, plan });
  const rounds = roundsOf(plan);
  const of = requests.length + plan.golden.length * rounds;
  let done = 0;
  let compared = 0;
  const step = () => onProgress?.({ state: 'asking', done: ++done, of, compared });
  for (const [turn, kept] of requests.entries()) {
    const comparison = await compareOnce(ground, order, { kept, turn });
    refuseAborted(signal);
    const scores = await ground.assessor.assess(comparison, plan);
    evidence.compare(comparison, scores);
    if (scores !== undefined) compared++;
    step();
  }
  for (let round = 0; round < rounds; round++) {
    for await (const result of ground.assessor.askGolden({ model, baseline, candidate, questions: plan.golden, signal })) {
      evidence.addGolden(result);
      step();
    }
  }
  refuseAborted(signal);
  const counts = { requests: requests.length, compared, goldenQuestions: plan.golden.length };
  const { agreement } = evidence;
  return {
    model,
    baseline,
    candidate,
    ...counts,
    ...(agreement !== undefined && { agreement }),
    ...summarise(judge(evidence, plan)),
  };
}

/** As in a rollout, few questions are asked again until their judge has enough to go by. */
function roundsOf({ golden, judges, leastObservations }: RolloutPlan): number {
  return golden.length === 0 || judges.golden === null ? 0 : Math.ceil(leastObservations / golden.length);
}

/** Every other time the candidate is asked last, so that the order is to nobody's advantage. */
async function compareOnce(
  ground: RehearsalGround,
  { model, baseline, candidate, signal }: RehearsalOrder,
  { kept, turn }: { readonly kept: KeptRequest; readonly turn: number },
): Promise<ShadowComparison> {
  const request = boundRequest(kept.request, `rehearsal-${kept.id}`);
  const ask = (of: InferenceRequest, version: string) => sample(ground, { ...of, model, version }, signal);
  const again = asReferenceRequest(request, randomInt(SEED_RANGE - 1));
  const current = await ask(request, baseline);
  const early = turn % 2 === 0 ? await ask(request, candidate) : undefined;
  const reference = await ask(again, baseline);
  const other = early ?? (await ask(request, candidate));
  return {
    requestId: request.id,
    model,
    purpose: { kind: 'rollout', id: 'rehearsal' },
    request,
    current,
    ...(reference.outcome === 'ok' ? { reference } : {}),
    candidate: other,
  };
}

async function sample(
  { inference }: RehearsalGround,
  request: InferenceRequest & { readonly version: string },
  signal: AbortSignal,
): Promise<SampledAnswer> {
  const startedMs = performance.now();
  const events = await gatherEvents(inference, request, signal);
  const totalMs = performance.now() - startedMs;
  const last = events.at(-1);
  const failure = last?.type === 'failed' ? last.error.code : last === undefined ? 'internal_error' : undefined;
  const usage = events.findLast((event) => event.type === 'usage-report')?.usage;
  const timings = last?.type === 'finished' ? last.timings : undefined;
  const outcome = outcomeOf(failure);
  return {
    version: request.version,
    outcome,
    ...(failure === undefined ? {} : { failure }),
    totalMs,
    ...workerTokenTimes(timings, usage),
    ...looksOfAnswer(request, { outcome, events }),
    events,
  };
}

function boundRequest(request: InferenceRequest, id: string): InferenceRequest {
  const { version: _version, ...own } = request;
  const bound = { ...own, id, timeLeftMs: ASK_MS };
  return bound.kind === 'generate' ? { ...bound, maxTokens: Math.min(bound.maxTokens ?? MOST_TOKENS, MOST_TOKENS) } : bound;
}

function summarise(
  verdicts: readonly Verdict[],
): Pick<RehearsalReport, 'verdict' | 'reason' | 'failed' | 'undecided' | 'verdicts'> {
  const failed = verdicts.filter(({ state }) => state === 'fail');
  const undecided = verdicts.filter(({ state }) => state === 'not-enough-data');
  const passed = verdicts.filter(({ state }) => state === 'pass');
  const named = { failed: failed.map((one) => one.judge), undecided: undecided.map((one) => one.judge), verdicts };
  const words = (of: readonly Verdict[]) => of.map((one) => `${one.judge}: ${one.reason}`).join('; ');
  if (failed.length > 0) return { verdict: 'fail', reason: words(failed), ...named };
  if (undecided.length > 0) return { verdict: 'not-enough-data', reason: words(undecided), ...named };
  if (passed.length === 0) return { verdict: 'not-enough-data', reason: 'no judge has enough to say yes', ...named };
  return { verdict: 'pass', reason: `all ${passed.length} judges pass`, ...named };
}

function nothingToAsk(model: string, unreadable: number): PlinthError {
  const none = unreadable === 0 ? 'is kept' : `can be read (${unreadable} are of another release)`;
  const message =
    `No request of '${model}' ${none}, and the plan has no golden questions. Set releases.captureShare above 0, and let callers send ` +
    "'x-plinth-consent: capture' or set releases.captureConsent to all; or add golden questions to the plan.";
  return new PlinthError({ code: 'conflict', message });
}

function refuseAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new PlinthError({ code: 'cancelled', message: 'The rehearsal was stopped before its end.' });
}
