import type { AuditRecord, RolloutRecord, RolloutState } from '../../core/records/index.ts';
import { isRunning, placesOf, type RolloutPlace } from './choose-rollout-move.ts';
import { readJudgement, type Judgement } from './judgement.ts';
import type { RolloutPlan } from './rollout-plan.ts';
import type { Agreement, Verdict } from './verdict.ts';

/** One step of the picture of a rollout. */
export interface StepDocument {
  /** `prepare`, `shadow`, `canary 5 %`, `promoted`. */
  readonly name: string;
  readonly state: 'done' | 'current' | 'next' | 'skipped';
  /** Of the candidate, 0…100. */
  readonly percent: number;
  /** What must be seen before it moves on: answers of the candidate, in the shadow comparisons. */
  readonly needed?: { readonly count: number; readonly of: 'comparisons' | 'answers'; readonly minutes: number };
  /** How much of it has been seen; of the current step. */
  readonly seen?: number;
}

/** One transition. Times are Unix milliseconds. */
export interface HistoryEntry {
  readonly sequence: number;
  readonly at: number;
  readonly actor: string;
  readonly action: string;
  readonly state: string;
  readonly percent: number;
  readonly reason: string;
}

/** A rollout for people and programs. Times are Unix milliseconds. */
export interface RolloutDocument {
  readonly id: string;
  readonly model: string;
  readonly from: string;
  readonly to: string;
  readonly state: RolloutState;
  readonly isRunning: boolean;
  /** Why it was paused; absent while it goes on. */
  readonly paused?: string;
  /** Of the candidate now, 0…100. */
  readonly percent: number;
  /** One sentence: where it stands and why. */
  readonly headline: string;
  readonly reason: string;
  readonly startedBy: string;
  readonly startedAt: number;
  readonly stateSince: number;
  readonly endedAt?: number;
  readonly steps: readonly StepDocument[];
  /** What it still waits for; empty when it has ended. */
  readonly missing: readonly string[];
  /** When the minutes of the present step are over; absent where it has none. */
  readonly mayMoveOnAt?: number;
  readonly counts?: Judgement['counts'];
  /** How many answers were the same; absent before any were compared. */
  readonly agreement?: Agreement;
  readonly verdicts: readonly Verdict[];
  readonly decision?: Judgement['decision'];
  readonly decidedAt?: number;
  readonly golden?: Judgement['golden'];
  readonly dropped: number;
  readonly history: readonly HistoryEntry[];
  readonly revision: number;
}

/** Why a rollout is where it is. */
export interface RolloutExplanation {
  readonly id: string;
  readonly model: string;
  readonly state: RolloutState;
  readonly headline: string;
  /** The facts behind it, the most important first. */
  readonly because: readonly string[];
  /** What happens next, or what one can do. */
  readonly next: string;
  readonly failed: readonly Verdict[];
  readonly undecided: readonly Verdict[];
  /** As in the document. */
  readonly agreement?: Agreement;
  readonly lastMove?: HistoryEntry;
}

/** What a description is made from besides the record. */
export interface DescribeFacts {
  readonly plan: RolloutPlan;
  /** The audit entries of the rollout. */
  readonly history: readonly AuditRecord[];
  /** Unix milliseconds. */
  readonly now: number;
}

const MINUTE_MS = 60_000;

/** The status of a rollout as one document. */
export function describeRollout(rollout: RolloutRecord, { plan, history, now }: DescribeFacts): RolloutDocument {
  const judgement = readJudgement(rollout.verdicts);
  const { id, model, state, pausedBecause, reason, startedBy, startedAt, stepStartedAt, endedAt, revision } = rollout;
  const minutes = isRunning(rollout) ? (conditionsOf(rollout, plan)?.minutes ?? 0) : 0;
  return {
    id,
    model,
    from: rollout.baseline,
    to: rollout.candidate,
    state,
    isRunning: isRunning(rollout),
    ...(pausedBecause !== undefined && { paused: pausedBecause }),
    percent: percentOf(rollout.share),
    headline: headlineOf(rollout, judgement),
    reason,
    startedBy,
    startedAt,
    stateSince: stepStartedAt,
    ...(endedAt !== undefined && { endedAt }),
    steps: stepsOf(rollout, { plan, history, judgement }),
    missing: missingOf(rollout, { plan, judgement, now }),
    ...(minutes > 0 && { mayMoveOnAt: stepStartedAt + minutes * MINUTE_MS }),
    ...(judgement !== undefined && {
      counts: judgement.counts,
      decision: judgement.decision,
      decidedAt: judgement.at,
      golden: judgement.golden,
    }),
    ...agreementOf(judgement),
    verdicts: judgement?.verdicts ?? [],
    dropped: judgement?.dropped ?? 0,
    history: history.map(entryOf),
    revision,
  };
}

/** Why a rollout is where it is, as one document. */
export function explainRollout(rollout: RolloutRecord, facts: DescribeFacts): RolloutExplanation {
  const judgement = readJudgement(rollout.verdicts);
  const verdicts = judgement?.verdicts ?? [];
  const lastMove = facts.history.at(-1);
  const failed = verdicts.filter(({ state }) => state === 'fail');
  const undecided = verdicts.filter(({ state }) => state === 'not-enough-data');
  const missing = missingOf(rollout, { ...facts, judgement });
  return {
    id: rollout.id,
    model: rollout.model,
    state: rollout.state,
    headline: headlineOf(rollout, judgement),
    because: [...(isRunning(rollout) ? missing : [rollout.reason]), ...failed.map(wordsOf)].filter(
      (reason, i, all) => reason !== '' && all.indexOf(reason) === i,
    ),
    next: nextOf(rollout),
    failed,
    undecided,
    ...agreementOf(judgement),
    ...(lastMove !== undefined && { lastMove: entryOf(lastMove) }),
  };
}

function agreementOf(judgement: Judgement | undefined): Pick<RolloutDocument, 'agreement'> {
  return judgement?.agreement === undefined ? {} : { agreement: judgement.agreement };
}

function headlineOf(rollout: RolloutRecord, judgement: Judgement | undefined): string {
  const { model, baseline, candidate, state, reason, pausedBecause } = rollout;
  const percent = percentOf(rollout.share);
  if (pausedBecause !== undefined && isRunning(rollout)) return `${model} stands still ${placeWords(rollout)}: ${pausedBecause}`;
  const waits = judgement?.decision.action === 'hold' ? judgement.decision.reason : reason;
  const sentences: Record<RolloutState, string> = {
    preparing: `${model} prepares version ${candidate}: ${waits}`,
    shadowing: `${model} compares version ${candidate} with version ${baseline} on copies of requests: ${waits}`,
    canary: `${model} answers ${percent} % of requests with version ${candidate}: ${waits}`,
    promoted: `${model} is at version ${candidate}: ${reason}`,
    'rolled-back': `${model} was rolled back to version ${baseline}: ${reason}`,
    aborted: `${model} stays at version ${baseline}, the rollout was aborted: ${reason}`,
    failed: `${model} stays at version ${baseline}: ${reason}`,
  };
  return sentences[state];
}

function placeWords({ state, share, candidate }: RolloutRecord): string {
  if (state === 'canary') return `at ${percentOf(share)} % for version ${candidate}`;
  return state === 'shadowing' ? `while version ${candidate} is compared` : `before version ${candidate} gets any request`;
}

/** What a running rollout waits for, in words. */
function missingOf(
  rollout: RolloutRecord,
  { plan, judgement, now }: Pick<DescribeFacts, 'plan' | 'now'> & { readonly judgement: Judgement | undefined },
): readonly string[] {
  if (!isRunning(rollout)) return [];
  const conditions = conditionsOf(rollout, plan);
  const lacking = conditions === undefined ? 0 : conditions.count - seenOf(rollout, judgement);
  const leftMs = conditions === undefined ? 0 : rollout.stepStartedAt + conditions.minutes * MINUTE_MS - now;
  const undecided = (judgement?.verdicts ?? []).filter(({ state }) => state === 'not-enough-data');
  const isSettled = lacking > 0 || leftMs > 0 || undecided.length > 0;
  return [
    ...(rollout.pausedBecause === undefined ? [] : [`paused: ${rollout.pausedBecause}`]),
    ...(lacking > 0 ? [`${lacking} more ${conditions?.of === 'comparisons' ? 'comparisons' : 'answers of the candidate'}`] : []),
    ...(lacking > 0 ? passedOver(rollout, judgement, now) : []),
    ...(leftMs > 0 ? [`${Math.ceil(leftMs / MINUTE_MS)} more minutes`] : []),
    ...(rollout.state === 'preparing' ? [] : undecided.map(wordsOf)),
    ...(isSettled && rollout.state !== 'preparing' ? [] : [judgement?.decision.reason ?? rollout.reason]),
  ];
}

/** Requests that are kept together are dealt out together: a few callers may all have been dealt to the version before. */
function passedOver(rollout: RolloutRecord, judgement: Judgement | undefined, now: number): readonly string[] {
  const { state, share, baseline, candidate, stepStartedAt } = rollout;
  const { stepCandidate = 0, liveCurrent = 0 } = judgement?.counts ?? {};
  const isOwed = state === 'canary' && stepCandidate === 0 && liveCurrent * share >= MOST_OWED;
  if (!isOwed || now - stepStartedAt < MINUTE_MS) return [];
  return [
    `version ${candidate} has answered none of the requests of this step so far, version ${baseline} ${liveCurrent} in all: requests that traffic.sticky keeps together, such as those of one caller, go to one version, and those of now may all have been dealt to version ${baseline}`,
  ];
}

function nextOf(rollout: RolloutRecord): string {
  const { state, baseline, candidate, pausedBecause } = rollout;
  if (!isRunning(rollout))
    return state === 'promoted'
      ? `Nothing: every request goes to version ${candidate}.`
      : `Nothing: every request goes to version ${baseline}. Start another rollout when version ${candidate} or a newer one is ready.`;
  if (pausedBecause !== undefined)
    return `It waits for 'resume', 'promote' or 'abort'. A candidate that turns out bad is rolled back all the same.`;
  return 'It moves on by itself as soon as nothing is missing, and back as soon as a judge fails.';
}

/** Answers that a share comes to before it is odd that there is none: a chance of e⁻⁵ where callers are many. */
const MOST_OWED = 5;

interface Conditions {
  readonly count: number;
  readonly of: 'comparisons' | 'answers';
  readonly minutes: number;
}

function conditionsOf({ state, step }: Pick<RolloutRecord, 'state' | 'step'>, plan: RolloutPlan): Conditions | undefined {
  if (state === 'shadowing') return { count: plan.shadow.comparisons, of: 'comparisons', minutes: plan.shadow.minutes };
  const conditions = state === 'canary' ? plan.steps[step] : undefined;
  return conditions && { count: conditions.requests, of: 'answers', minutes: conditions.minutes };
}

function seenOf({ state }: RolloutRecord, judgement: Judgement | undefined): number {
  return (state === 'shadowing' ? judgement?.counts.comparisons : judgement?.counts.stepCandidate) ?? 0;
}

interface StepFacts extends Pick<DescribeFacts, 'plan' | 'history'> {
  readonly judgement: Judgement | undefined;
}

function stepsOf(rollout: RolloutRecord, { plan, history, judgement }: StepFacts): readonly StepDocument[] {
  const places = placesOf(plan);
  const isThere = isRunning(rollout) || rollout.state === 'promoted';
  const stopped = isThere ? rollout : (lastPlace(history) ?? likelyPlace(rollout, judgement));
  const at = places.findIndex(({ state, step }) => state === stopped.state && step === stopped.step);
  return places.map((place, i) => {
    const needed = conditionsOf(place, plan);
    const state = stepState(i, { at, isRunning: isRunning(rollout), isPromoted: rollout.state === 'promoted' });
    return {
      name: stepName(place),
      state,
      percent: percentOf(place.share),
      ...(needed !== undefined && { needed }),
      ...(state === 'current' && needed !== undefined && { seen: seenOf(rollout, judgement) }),
    };
  });
}

/** A rollout that was promoted by hand has skipped what it did not reach; one that ended otherwise stays marked where it stopped. */
function stepState(
  index: number,
  { at, isRunning: runs, isPromoted }: { readonly at: number; readonly isRunning: boolean; readonly isPromoted: boolean },
): StepDocument['state'] {
  if (isPromoted || index < at) return 'done';
  if (index === at) return 'current';
  return runs ? 'next' : 'skipped';
}

function stepName({ state, share }: RolloutPlace): string {
  if (state === 'canary') return `canary ${percentOf(share)} %`;
  return state === 'preparing' ? 'prepare' : state === 'shadowing' ? 'shadow' : state;
}

/** Where an ended rollout stood before its end: `from` of its last entry. */
function lastPlace(history: readonly AuditRecord[]): Pick<RolloutRecord, 'state' | 'step'> | undefined {
  const from = history.at(-1)?.detail['from'];
  if (typeof from !== 'object' || from === null || !('state' in from) || !('step' in from)) return undefined;
  return { state: from['state'] as RolloutState, step: Number(from['step']) };
}

/** The same without the log, by what has been seen. */
function likelyPlace({ step }: RolloutRecord, judgement: Judgement | undefined): Pick<RolloutRecord, 'state' | 'step'> {
  const { liveCandidate = 0, comparisons = 0 } = judgement?.counts ?? {};
  if (step > 0 || liveCandidate > 0) return { state: 'canary', step };
  return { state: comparisons > 0 ? 'shadowing' : 'preparing', step };
}

function entryOf({ sequence, at, actor, action, detail }: AuditRecord): HistoryEntry {
  const to = detail['to'];
  const place = typeof to === 'object' && to !== null && 'state' in to ? to : undefined;
  const reason = detail['because'] ?? detail['reason'];
  return {
    sequence,
    at,
    actor,
    action,
    state: String(place?.['state'] ?? ''),
    percent: percentOf(Number(place?.['share'] ?? 0)),
    reason: typeof reason === 'string' ? reason : '',
  };
}

function wordsOf({ judge, reason }: Verdict): string {
  return `${judge}: ${reason}`;
}

/** Shares such as 0.07 make no 7.000000000000001. */
function percentOf(share: number): number {
  return Math.round(share * 1e6) / 1e4;
}
