import { chooseThreads } from './choose-threads.ts';

const FIRST_HOLD_MS = 2_000;
const LONGEST_HOLD_MS = 60_000;
/** A count that did well for so long has earned a short hold again. */
const TRUST_MS = 20_000;
/** One long step in a second is a neighbour's time slice; a second of long ones is a neighbour. */
const WINDOW_MS = 1_000;
const BUCKET_TOKENS = 16;
const BUCKET_ATTENDED = 256;
/** How fast the notion of a typical step follows faster and slower ones. */
const FASTER_WEIGHT = 0.5;
const SLOWER_WEIGHT = 0.002;

/** What decides how long a step takes. */
export interface StepSize {
  readonly tokens: number;
  /** Tokens of context behind the step's rows, over all of them. */
  readonly attended: number;
}

interface StepTime {
  readonly ms: number;
  /** Of such a step with the next lower count. */
  readonly lowerMs: number;
}

/** Watches step times and says how many threads to compute with. */
export class ThreadTuner {
  #threads: number;
  /** The first count that was no faster when the model was loaded is tried again as well: the machine may have been busy then. */
  #highest: number;
  readonly #candidates: readonly number[];
  /** Milliseconds of a one-token step by thread count, from the beginning. */
  readonly #measured = new Map<number, number>();
  /** Milliseconds of steps on a quiet machine, by thread count and kind of step. */
  readonly #typicalMs = new Map<string, number>();
  #recent: StepTime[] = [];
  #changedAt = 0;
  #holdMs = FIRST_HOLD_MS;

  /** `measure` runs a few steps with a thread count and gives the time of one in milliseconds. */
  constructor(candidates: readonly number[], measure: (threads: number) => number) {
    this.#candidates = candidates;
    this.#threads = candidates[0] ?? 1;
    this.#highest = this.#threads;
    if (candidates.length > 1) this.#search(measure);
  }

  get threads(): number {
    return this.#threads;
  }

  /** Takes note of a step; returns the thread count for the next one. */
  observe(size: StepSize, ms: number, now: number): number {
    if (this.#candidates.length === 1) return this.#threads;
    this.#recent.push({ ms, lowerMs: this.#lowerMs(size, this.#learn(size, ms)) });
    this.#forgetOld();
    const next = chooseThreads({
      threads: this.#threads,
      candidates: this.#candidates,
      ...this.#window(),
      highest: this.#highest,
      isRetryDue: now - this.#changedAt >= this.#holdMs,
    });
    if (next !== this.#threads) this.#change(next, now);
    return next;
  }

  /** Goes up while more threads are faster; a count that is not ends the search, since the next one would stall longer still. */
  #search(measure: (threads: number) => number): void {
    let bestMs = Infinity;
    for (const threads of this.#candidates) {
      const ms = measure(threads);
      this.#highest = threads;
      this.#measured.set(threads, ms);
      if (ms >= bestMs) return;
      bestMs = ms;
      this.#threads = threads;
    }
  }

  /** What such a step takes when nothing is in the way; follows faster steps at once and slower ones hardly. */
  #learn(size: StepSize, ms: number): number {
    const kind = `${this.#threads}×${kindOf(size)}`;
    const typical = this.#typicalMs.get(kind) ?? ms;
    this.#typicalMs.set(kind, typical + (ms - typical) * (ms < typical ? FASTER_WEIGHT : SLOWER_WEIGHT));
    return typical;
  }

  /** As seen, or else as the measurement at the beginning suggests. */
  #lowerMs(size: StepSize, typicalMs: number): number {
    const lower = this.#candidates[this.#candidates.indexOf(this.#threads) - 1] ?? this.#threads;
    const ratio = (this.#measured.get(lower) ?? 1) / (this.#measured.get(this.#threads) ?? 1);
    return this.#typicalMs.get(`${lower}×${kindOf(size)}`) ?? typicalMs * ratio;
  }

  #forgetOld(): void {
    let total = this.#recent.reduce((sum, step) => sum + step.ms, 0);
    while (total - (this.#recent[0]?.ms ?? Infinity) >= WINDOW_MS) total -= this.#recent.shift()?.ms ?? 0;
  }

  /** What is missing to a whole window counts as time well spent. */
  #window(): { readonly spentMs: number; readonly lowerMs: number } {
    const spentMs = this.#recent.reduce((sum, step) => sum + step.ms, 0);
    const lowerMs = this.#recent.reduce((sum, step) => sum + step.lowerMs, 0);
    const missingMs = Math.max(0, WINDOW_MS - spentMs);
    return { spentMs: spentMs + missingMs, lowerMs: lowerMs + missingMs };
  }

  #change(threads: number, now: number): void {
    if (threads < this.#threads) {
      const heldFor = now - this.#changedAt;
      this.#holdMs = heldFor > TRUST_MS ? FIRST_HOLD_MS : Math.min(this.#holdMs * 2, LONGEST_HOLD_MS);
    }
    this.#threads = threads;
    this.#changedAt = now;
    this.#recent = [];
  }
}

/** Steps of one kind take alike: whole tiles of tokens, and contexts within a factor of 1.4. */
function kindOf({ tokens, attended }: StepSize): string {
  const tiles = tokens < BUCKET_TOKENS ? tokens : Math.ceil(tokens / BUCKET_TOKENS) * BUCKET_TOKENS;
  return `${tiles}×${Math.round(2 * Math.log2(1 + attended / BUCKET_ATTENDED))}`;
}
