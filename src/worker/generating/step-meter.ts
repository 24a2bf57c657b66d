import type { ScheduledRow } from '../scheduling/index.ts';
import type { WorkSequence } from './work-sequence.ts';

const RECENT_STEPS = 32;
const RATE_MEMORY = 0.7;

/** Counts what a replica has done and how long its steps take. */
export class StepMeter {
  #steps = 0;
  #promptTokens = 0;
  #cachedTokens = 0;
  #generatedTokens = 0;
  #prefillRate = 0;
  readonly #recentMs: number[] = [];

  /** Measured speed of reading prompts, 0 before the first. */
  get prefillTokensPerMs(): number {
    return this.#prefillRate;
  }

  record(rows: readonly ScheduledRow<WorkSequence>[], ms: number): void {
    this.#steps++;
    this.#recentMs.push(ms);
    if (this.#recentMs.length > RECENT_STEPS) this.#recentMs.shift();
    const tokens = rows.reduce((sum, row) => sum + row.count, 0);
    const prompt = tokens - rows.length;
    if (prompt >= rows.length && ms > 0) {
      const rate = tokens / ms;
      this.#prefillRate = this.#prefillRate === 0 ? rate : this.#prefillRate * RATE_MEMORY + rate * (1 - RATE_MEMORY);
    }
    for (const row of rows) this.#promptTokens += Math.max(0, Math.min(row.sequence.promptLength - row.position, row.count));
  }

  countCached(tokens: number): void {
    this.#cachedTokens += tokens;
  }

  countGenerated(): void {
    this.#generatedTokens++;
  }

  totals() {
    return {
      steps: this.#steps,
      stepMs: Math.max(0, ...this.#recentMs),
      promptTokens: this.#promptTokens,
      cachedTokens: this.#cachedTokens,
      generatedTokens: this.#generatedTokens,
    };
  }
}
