import type { ShadowOrder } from '../../core/traffic/index.ts';

const MINUTE_MS = 60_000;
/** Answers that may be collected at once for each copy that may run: most of them end while another copy runs. */
const COLLECTED_PER_COPY = 16;

/** The copies of one model's requests: how many run, how many were begun in this minute, how many answers are being collected for them. */
export class ShadowBudget {
  #collecting = 0;
  #running = 0;
  #minuteStartMs = Number.NEGATIVE_INFINITY;
  #begunInMinute = 0;

  /** Whether an answer may be collected; then `leaveCollecting` must follow. */
  enterCollecting(order: ShadowOrder): boolean {
    if (this.#collecting >= order.mostConcurrent * COLLECTED_PER_COPY) return false;
    this.#collecting += 1;
    return true;
  }

  leaveCollecting(): void {
    this.#collecting -= 1;
  }

  /** Whether a copy may run now; then `leaveRunning` must follow. `nowMs` never goes back. */
  enterRunning(order: ShadowOrder, nowMs: number): boolean {
    if (nowMs - this.#minuteStartMs >= MINUTE_MS) {
      this.#minuteStartMs = nowMs;
      this.#begunInMinute = 0;
    }
    if (this.#running >= order.mostConcurrent || this.#begunInMinute >= order.mostPerMinute) return false;
    this.#running += 1;
    this.#begunInMinute += 1;
    return true;
  }

  leaveRunning(): void {
    this.#running -= 1;
  }
}
