const MEMORY = 0.8;

/** How often requests arrive, recent ones counting most. */
export class ArrivalRate {
  readonly #longestGapMs: number;
  #lastAt = -Infinity;
  #meanGapMs = Infinity;

  /** Gaps count for at most `longestGapMs`, so that a pause is soon forgotten. */
  constructor(longestGapMs: number) {
    this.#longestGapMs = longestGapMs;
  }

  /** Infinity before there were two arrivals. */
  get meanGapMs(): number {
    return this.#meanGapMs;
  }

  record(now: number): void {
    const gapMs = Math.min(now - this.#lastAt, this.#longestGapMs);
    const isFirst = this.#lastAt === -Infinity;
    this.#lastAt = now;
    if (isFirst) return;
    this.#meanGapMs = this.#meanGapMs === Infinity ? gapMs : this.#meanGapMs * MEMORY + gapMs * (1 - MEMORY);
  }

  silentMs(now: number): number {
    return now - this.#lastAt;
  }
}
