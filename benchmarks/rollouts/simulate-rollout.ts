import {
  chooseTransition,
  judge,
  RolloutEvidence,
  type JudgeName,
  type RolloutPlan,
} from '../../src/control/rollouts/judging/index.ts';
import type { Draws } from './draws.ts';
import { drawComparison, drawObservation, type VersionTraits } from './simulated-world.ts';

export interface SimulatedRollout {
  readonly plan: RolloutPlan;
  readonly current: VersionTraits;
  readonly candidate: VersionTraits;
  /** Requests between two looks of the judges. */
  readonly lookEvery: number;
  /** Whether the canary's requests are compared as well, or the shadow phase's alone. */
  readonly compares: 'throughout' | 'before-canary';
}

/** How a simulated rollout ended. */
export interface SimulatedEnd {
  readonly action: 'promote' | 'roll-back' | 'hold';
  /** Percent of the candidate when it was decided; 0 in the shadow phase. */
  readonly percent: number;
  readonly comparisons: number;
  /** Answers of the candidate that callers got. */
  readonly exposed: number;
  readonly failed: readonly JudgeName[];
}

const MOST_REQUESTS = 60_000;

/** Runs one rollout by the real judges and the real decision, request by request. */
export function simulateRollout(rollout: SimulatedRollout, draws: Draws): SimulatedEnd {
  const { plan, lookEvery } = rollout;
  const evidence = RolloutEvidence.begin({ baseline: '1', candidate: '2', plan });
  const stage = new Stage(plan, evidence);
  for (let request = 1; request <= MOST_REQUESTS; request += 1) {
    drawRequest(rollout, { draws, evidence, stage });
    if (request % lookEvery !== 0) continue;
    const decision = chooseTransition({
      ...stage.standing(),
      verdicts: judge(evidence, plan),
      counts: evidence.counts,
      isPaused: false,
      stepStartedAt: 0,
      now: 0,
    });
    if (decision.action === 'advance') stage.advance();
    else if (decision.action !== 'hold') return endOf(decision, { evidence, stage });
  }
  return endOf({ action: 'hold', failed: [] }, { evidence, stage });
}

interface Scene {
  readonly draws: Draws;
  readonly evidence: RolloutEvidence;
  readonly stage: Stage;
}

function drawRequest({ current, candidate, compares }: SimulatedRollout, { draws, evidence, stage }: Scene): void {
  const own = { version: '1', traits: current };
  const other = { version: '2', traits: candidate };
  const isCandidates = draws.happens(stage.percent / 100);
  const { traits, version } = isCandidates ? other : own;
  const observation = drawObservation(draws, { version, traits });
  evidence.observe(observation);
  if (observation.outcome === 'ok' && draws.happens(traits.feedback.given))
    evidence.addFeedback({ version, score: Number(draws.happens(traits.feedback.good)) });
  if (isCandidates || (stage.percent > 0 && compares === 'before-canary')) return;
  const { comparison, scores } = drawComparison(draws, { current: own, candidate: other });
  evidence.compare(comparison, scores);
}

function endOf(
  { action, failed }: Pick<SimulatedEnd, 'failed'> & { readonly action: SimulatedEnd['action'] | 'advance' },
  { evidence, stage }: Omit<Scene, 'draws'>,
): SimulatedEnd {
  return {
    action: action === 'advance' ? 'hold' : action,
    percent: stage.percent,
    comparisons: evidence.counts.comparisons,
    exposed: evidence.counts.liveCandidate,
    failed,
  };
}

class Stage {
  readonly #plan: RolloutPlan;
  readonly #evidence: RolloutEvidence;
  #state: 'shadowing' | 'canary';
  #step = 0;

  constructor(plan: RolloutPlan, evidence: RolloutEvidence) {
    this.#plan = plan;
    this.#evidence = evidence;
    this.#state = plan.strategy.includes('shadow') ? 'shadowing' : 'canary';
    if (this.#state === 'canary') evidence.beginStep(0);
  }

  get percent(): number {
    return this.#state === 'shadowing' ? 0 : (this.#plan.steps[this.#step]?.percent ?? 100);
  }

  standing() {
    return { plan: this.#plan, state: this.#state, step: this.#step };
  }

  advance(): void {
    if (this.#state === 'canary') this.#step += 1;
    this.#state = 'canary';
    this.#evidence.beginStep(this.#step, this.percent < 100 ? 'both' : 'candidate');
  }
}
