import { chooseThreads, SLOW_FACTOR } from './choose-threads.ts';

const FIRST_HOLD_MS = 5_000;
const LONGEST_HOLD_MS = 120_000;
const MEMORY = 0.9;
/** Differences below this are the timer's and the scheduler's noise. */
const NOISE_MS = 3;
const BUCKET_TOKENS = 16;

/** Watches step times and says how many threads to compute with. */
export class ThreadTuner {
  #threads: number;
  readonly #candidates: readonly number[];
  readonly #preferred: number;
  readonly #typicalMs = new Map<string, number>();
  #slowdowns: number[] = [];
  #retryAt = Infinity;
  #holdMs = FIRST_HOLD_MS;

  /** `measure` runs a few steps with a thread count and gives the time of one in milliseconds. */
  constructor(candidates: readonly number[], measure: (threads: number) => number) {
    this.#candidates = candidates;
    this.#preferred = candidates.length === 1 ? (candidates[0] ?? 1) : fastest(candidates, measure);
    this.#threads = this.#preferred;
  }

  get threads(): number {
    return this.#threads;
  }

  /** Takes note of a step of `tokens` tokens that took `ms`; returns the thread count for the next one. */
  observe(tokens: number, ms: number, now: number): number {
    if (this.#candidates.length === 1) return this.#threads;
    this.#compare(tokens, ms);
    const isRetryDue = now >= this.#retryAt;
    const { threads } = this;
    this.#threads = chooseThreads({
      threads,
      candidates: this.#candidates,
      slowdowns: this.#slowdowns,
      preferred: this.#preferred,
      isRetryDue,
    });
    if (this.#threads < threads) this.#holdBack(now);
    if (this.#threads > threads) this.#retryAt = now + this.#holdMs;
    return this.#threads;
  }

  #compare(tokens: number, ms: number): void {
    const bucket = `${this.#threads}×${tokens < BUCKET_TOKENS ? tokens : Math.ceil(tokens / BUCKET_TOKENS) * BUCKET_TOKENS}`;
    const typical = this.#typicalMs.get(bucket);
    if (typical !== undefined && ms > typical * SLOW_FACTOR + NOISE_MS) {
      this.#slowdowns.push(ms / typical);
      return;
    }
    this.#slowdowns = [];
    this.#typicalMs.set(bucket, typical === undefined ? ms : typical * MEMORY + ms * (1 - MEMORY));
  }

  #holdBack(now: number): void {
    this.#slowdowns = [];
    this.#retryAt = now + this.#holdMs;
    this.#holdMs = Math.min(this.#holdMs * 2, LONGEST_HOLD_MS);
  }
}

/** Goes up while more threads are faster; a count that is not ends the search, since the next one would stall longer still. */
function fastest(candidates: readonly number[], measure: (threads: number) => number): number {
  let best = { threads: candidates[0] ?? 1, ms: Infinity };
  for (const threads of candidates) {
    const ms = measure(threads);
    if (ms >= best.ms) break;
    best = { threads, ms };
  }
  return best.threads;
}
