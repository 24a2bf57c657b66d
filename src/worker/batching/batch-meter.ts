const RECENT_STEPS = 32;
const MEAN_WEIGHT = 0.2;

/** Counts what a replica has done and how long its executions take. */
export class BatchMeter {
  #steps = 0;
  #promptTokens = 0;
  #finishedItems = 0;
  #meanMs = 0;
  readonly #recentMs: number[] = [];

  /** Recent mean time of a step in milliseconds; 0 before the first. */
  get meanStepMs(): number {
    return this.#meanMs;
  }

  recordStep(ms: number): void {
    this.#meanMs += this.#steps === 0 ? ms : (ms - this.#meanMs) * MEAN_WEIGHT;
    this.#recentMs[this.#steps % RECENT_STEPS] = ms;
    this.#steps++;
  }

  recordItem(promptTokens: number): void {
    this.#promptTokens += promptTokens;
    this.#finishedItems++;
  }

  /** `generatedTokens` are finished items: the sign that answers come out. */
  totals() {
    return {
      steps: this.#steps,
      stepMs: Math.max(0, ...this.#recentMs),
      promptTokens: this.#promptTokens,
      cachedTokens: 0,
      generatedTokens: this.#finishedItems,
    };
  }
}
