/**
 * A monotonic clock that counts at most `mostMs` between two ticks. Silence is measured with it: after this process itself was held up
 * (stopped, or starved of the processor) the answers that came meanwhile lie unread, and nobody is to be blamed for that time.
 */
export class PatientClock {
  readonly #mostMs: number;
  #nowMs = 0;
  #tickedAt = performance.now();

  constructor(mostMs: number) {
    this.#mostMs = mostMs;
  }

  get nowMs(): number {
    return this.#nowMs + Math.min(this.#mostMs, performance.now() - this.#tickedAt);
  }

  tick(): number {
    this.#nowMs = this.nowMs;
    this.#tickedAt = performance.now();
    return this.#nowMs;
  }
}
