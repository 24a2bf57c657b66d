import { chooseThreads } from './choose-threads.ts';

const FIRST_HOLD_MS = 5_000;
const LONGEST_HOLD_MS = 60_000;
/** A count that did well for so long has earned a short hold again. */
const TRUST_MS = 20_000;
const WINDOW_STEPS = 8;
const BUCKET_TOKENS = 16;
/** How fast the notion of a typical step follows faster and slower ones. */
const FASTER_WEIGHT = 0.5;
const SLOWER_WEIGHT = 0.02;
/** Changing has a price of its own. */
const CHANGE_MARGIN = 1.15;

/** Watches step times and says how many threads to compute with. */
export class ThreadTuner {
  #threads: number;
  readonly #candidates: readonly number[];
  readonly #preferred: number;
  /** Milliseconds of a one-token step by thread count, from the beginning. */
  readonly #measured = new Map<number, number>();
  readonly #typicalMs = new Map<string, number>();
  #slowdowns: number[] = [];
  #changedAt = 0;
  #holdMs = FIRST_HOLD_MS;

  /** `measure` runs a few steps with a thread count and gives the time of one in milliseconds. */
  constructor(candidates: readonly number[], measure: (threads: number) => number) {
    this.#candidates = candidates;
    this.#preferred = candidates.length === 1 ? (candidates[0] ?? 1) : this.#findFastest(measure);
    this.#threads = this.#preferred;
  }

  get threads(): number {
    return this.#threads;
  }

  /** Takes note of a step of `tokens` tokens that took `ms`; returns the thread count for the next one. */
  observe(tokens: number, ms: number, now: number): number {
    if (this.#candidates.length === 1) return this.#threads;
    this.#slowdowns = [...this.#slowdowns, this.#compare(tokens, ms)].slice(-WINDOW_STEPS);
    const { threads } = this;
    const next = chooseThreads({
      threads,
      candidates: this.#candidates,
      slowdown: meanOfWindow(this.#slowdowns),
      bearableSlowdown: this.#bearableSlowdown(),
      preferred: this.#preferred,
      isRetryDue: now - this.#changedAt >= this.#holdMs,
    });
    if (next !== threads) this.#change(next, now);
    return next;
  }

  /** Goes up while more threads are faster; a count that is not ends the search, since the next one would stall longer still. */
  #findFastest(measure: (threads: number) => number): number {
    let best = { threads: this.#candidates[0] ?? 1, ms: Infinity };
    for (const threads of this.#candidates) {
      const ms = measure(threads);
      if (ms >= best.ms) break;
      this.#measured.set(threads, ms);
      best = { threads, ms };
    }
    return best.threads;
  }

  #bearableSlowdown(): number {
    const lower = this.#candidates[this.#candidates.indexOf(this.#threads) - 1];
    const lowerMs = lower === undefined ? undefined : this.#measured.get(lower);
    return CHANGE_MARGIN * ((lowerMs ?? 1) / (this.#measured.get(this.#threads) ?? 1));
  }

  /** How many times slower the step was than such steps are. */
  #compare(tokens: number, ms: number): number {
    const bucket = `${this.#threads}×${tokens < BUCKET_TOKENS ? tokens : Math.ceil(tokens / BUCKET_TOKENS) * BUCKET_TOKENS}`;
    const typical = this.#typicalMs.get(bucket) ?? ms;
    const weight = ms < typical ? FASTER_WEIGHT : SLOWER_WEIGHT;
    this.#typicalMs.set(bucket, typical + (ms - typical) * weight);
    return ms / typical;
  }

  #change(threads: number, now: number): void {
    if (threads < this.#threads) {
      const heldFor = now - this.#changedAt;
      this.#holdMs = heldFor > TRUST_MS ? FIRST_HOLD_MS : Math.min(this.#holdMs * 2, LONGEST_HOLD_MS);
    }
    this.#threads = threads;
    this.#changedAt = now;
    this.#slowdowns = [];
  }
}

/** Steps that have not been taken yet count as typical ones. */
function meanOfWindow(slowdowns: readonly number[]): number {
  const missing = WINDOW_STEPS - slowdowns.length;
  return (slowdowns.reduce((sum, slowdown) => sum + slowdown, 0) + missing) / WINDOW_STEPS;
}
