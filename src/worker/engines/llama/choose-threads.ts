export interface ThreadFacts {
  readonly threads: number;
  /** Allowed counts, ascending. */
  readonly candidates: readonly number[];
  /** Steps in a row that took far longer than such steps do, newest last: actual ÷ typical time. */
  readonly slowdowns: readonly number[];
  /** The largest count that did well when the machine was quiet. */
  readonly preferred: number;
  readonly isRetryDue: boolean;
}

export const SLOW_FACTOR = 2.5;
const STALLED_FACTOR = 10;
const PATIENCE_STEPS = 3;

/**
 * Threads for the next step. ggml's barrier spins: with as many threads as cores, one busy neighbour can slow a step a hundredfold
 * (ggml-org/llama.cpp#13079), so a slow spell costs threads at once and they are tried again later.
 */
export function chooseThreads(facts: ThreadFacts): number {
  const { threads, candidates, slowdowns, preferred, isRetryDue } = facts;
  const position = candidates.indexOf(threads);
  const isStalled = (slowdowns.at(-1) ?? 0) > STALLED_FACTOR;
  const lower = candidates[position - 1];
  if (lower !== undefined && (isStalled || slowdowns.length >= PATIENCE_STEPS)) return lower;
  const higher = candidates[position + 1];
  if (higher !== undefined && higher <= preferred && isRetryDue) return higher;
  return threads;
}
