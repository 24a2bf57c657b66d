import type { ReplicaProgress } from '../../core/messages/index.ts';

const FORGET_PER_PONG = 0.99;
const LEARN_PER_PONG = 0.1;
/** Until this many steps were seen, a step is not known to be short. */
const YOUNG_STEPS = 64;
const YOUNG_STEP_MS = 150;

/** Follows the pongs of one serving replica: when it last stepped, since when it holds work, and what its normal step takes. */
export class ProgressWatch {
  lastPongAtMs: number;
  lastStepAtMs: number;
  lastAnswerAtMs: number;
  workHeldSinceMs: number | undefined;
  progress: ReplicaProgress = NO_PROGRESS;
  #usualStepMs = 0;
  #longestStepMs = 0;

  /** Begins at an answer: the one that made the replica ready. */
  constructor(nowMs: number) {
    this.lastPongAtMs = nowMs;
    this.lastStepAtMs = nowMs;
    this.lastAnswerAtMs = nowMs;
  }

  noteProgress(progress: ReplicaProgress, nowMs: number): void {
    this.lastPongAtMs = nowMs;
    this.#longestStepMs *= FORGET_PER_PONG;
    if (progress.steps !== this.progress.steps) this.#noteStep(progress.stepMs, nowMs);
    if (progress.generatedTokens !== this.progress.generatedTokens) this.lastAnswerAtMs = nowMs;
    this.workHeldSinceMs = couldStep(progress) ? (this.workHeldSinceMs ?? nowMs) : undefined;
    this.progress = progress;
  }

  /** Steps that read prompts are longer than steps that make tokens: the longest counts for a while, the usual one for good. */
  get normalStepMs(): number {
    const leastMs = this.progress.steps < YOUNG_STEPS ? YOUNG_STEP_MS : 0;
    return Math.max(leastMs, this.#longestStepMs, this.#usualStepMs);
  }

  #noteStep(stepMs: number, nowMs: number): void {
    this.lastStepAtMs = nowMs;
    this.#longestStepMs = Math.max(stepMs, this.#longestStepMs);
    this.#usualStepMs += (stepMs - this.#usualStepMs) * (this.#usualStepMs === 0 ? 1 : LEARN_PER_PONG);
  }
}

/** Requests that wait behind sequences which slow readers hold paused are not the engine's fault. */
function couldStep(progress: ReplicaProgress): boolean {
  return progress.runnableSequences > 0 || (progress.waitingRequests > 0 && progress.runningSequences === 0);
}

export const NO_PROGRESS: ReplicaProgress = {
  steps: 0,
  stepMs: 0,
  runningSequences: 0,
  waitingRequests: 0,
  runnableSequences: 0,
  generatedTokens: 0,
  promptTokens: 0,
  cachedTokens: 0,
  threads: 0,
  usedContextTokens: 0,
};
