import type { RolloutRecord } from '../../../core/records/index.ts';
import type { RolloutEnd } from '../choose-rollout-move.ts';
import type { JudgeName, RolloutPlan } from '../rollout-plan.ts';
import type { Decision, Verdict } from '../verdict.ts';

/** What is known of the candidate in this process. */
export interface CandidateFacts {
  readonly state: 'loading' | 'ready' | 'absent' | 'failed';
  /** Why it failed, or for how long it has been absent; in words. */
  readonly reason?: string;
  /** Absent for longer than is borne with. */
  readonly isGone?: boolean;
}

/** What the driver decides by. Times in Unix milliseconds. */
export interface OrderFacts {
  readonly rollout: Pick<RolloutRecord, 'state' | 'candidate' | 'pausedBecause'>;
  readonly plan: RolloutPlan;
  readonly decision: Decision;
  readonly verdicts: readonly Verdict[];
  readonly candidate: CandidateFacts;
  /** Whole rounds of golden questions in this state and step. */
  readonly goldenRounds: number;
  /** Since when it waits in this place without a pause. */
  readonly waitsSince: number;
  readonly now: number;
}

/** What to do with a rollout now; `hold` says what it waits for. */
export type Order =
  | { readonly kind: 'move'; readonly to: 'next' | RolloutEnd; readonly reason: string; readonly failed: readonly JudgeName[] }
  | { readonly kind: 'pause'; readonly reason: string }
  | { readonly kind: 'hold'; readonly reason: string };

const MINUTE_MS = 60_000;

/**
 * Joins what the judges say with what is known of the candidate itself. Back goes before everything, a pause before every step on. A candidate
 * that has not loaded fails the rollout; one that has gone later on counts as an error.
 */
export function chooseOrder(facts: OrderFacts): Order {
  const back = chooseBack(facts);
  if (back !== undefined) return back;
  const { rollout, decision } = facts;
  const waiting = waitReason(facts);
  if (rollout.pausedBecause !== undefined) return { kind: 'hold', reason: `it is paused: ${rollout.pausedBecause}` };
  if (waiting !== undefined) return chooseWait(facts, waiting);
  if (rollout.state === 'preparing')
    return { kind: 'move', to: 'next', reason: `version ${rollout.candidate} is loaded and has answered`, failed: [] };
  if (decision.action === 'advance' || decision.action === 'promote')
    return { kind: 'move', to: 'next', reason: decision.reason, failed: [] };
  return chooseWait(facts, decision.reason);
}

function chooseBack({ rollout, candidate, decision, verdicts }: OrderFacts): Order | undefined {
  if (rollout.state === 'preparing') {
    if (candidate.state === 'failed')
      return {
        kind: 'move',
        to: 'failed',
        reason: `version ${rollout.candidate} could not be loaded: ${candidate.reason ?? 'no reason was given'}`,
        failed: [],
      };
    const golden = verdicts.find(({ judge, state }) => judge === 'golden' && state === 'fail');
    return golden && { kind: 'move', to: 'rolled-back', reason: `golden: ${golden.reason}`, failed: ['golden'] };
  }
  if (candidate.state === 'failed' || candidate.isGone === true)
    return {
      kind: 'move',
      to: 'rolled-back',
      reason: `errors: version ${rollout.candidate} answers no more: ${candidate.reason ?? 'no reason was given'}`,
      failed: ['errors'],
    };
  return decision.action === 'roll-back'
    ? { kind: 'move', to: 'rolled-back', reason: decision.reason, failed: decision.failed }
    : undefined;
}

/** What must be so before any step on, besides what the judges ask for. */
function waitReason({ rollout, plan, candidate, goldenRounds }: OrderFacts): string | undefined {
  if (candidate.state === 'loading') return `version ${rollout.candidate} is being loaded`;
  if (candidate.state === 'absent')
    return `version ${rollout.candidate} does not answer at the moment: ${candidate.reason ?? ''}`;
  const asksGolden = plan.golden.length > 0 && plan.judges.golden !== null;
  return asksGolden && goldenRounds === 0 ? `its ${plan.golden.length} golden questions are being asked` : undefined;
}

/** Loading takes as long as it takes; whatever else is waited for tries the plan's patience. */
function chooseWait({ plan, candidate, waitsSince, now }: OrderFacts, reason: string): Order {
  const isOut = plan.patienceMinutes > 0 && now - waitsSince >= plan.patienceMinutes * MINUTE_MS;
  if (!isOut || candidate.state === 'loading') return { kind: 'hold', reason };
  return { kind: 'pause', reason: `nothing has been decided in ${plan.patienceMinutes} minutes: ${reason}` };
}
