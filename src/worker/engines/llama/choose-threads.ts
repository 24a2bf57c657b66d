export interface ThreadFacts {
  readonly threads: number;
  /** Allowed counts, ascending. */
  readonly candidates: readonly number[];
  /** What the steps of the last second took. */
  readonly spentMs: number;
  /** What they would take with the next lower count on a quiet machine. */
  readonly lowerMs: number;
  /** The largest count worth a try. */
  readonly highest: number;
  readonly isRetryDue: boolean;
}

/** Changing has a price of its own. */
const CHANGE_MARGIN = 1.15;

/**
 * Threads for the next step. ggml's barrier spins: with as many threads as cores, one busy neighbour can slow a step a hundredfold
 * (ggml-org/llama.cpp#13079). A count is left as soon as fewer threads would do better, and tried again later.
 */
export function chooseThreads(facts: ThreadFacts): number {
  const { threads, candidates, spentMs, lowerMs, highest, isRetryDue } = facts;
  const position = candidates.indexOf(threads);
  const lower = candidates[position - 1];
  if (lower !== undefined && spentMs > lowerMs * CHANGE_MARGIN) return lower;
  const higher = candidates[position + 1];
  if (higher !== undefined && higher <= highest && isRetryDue) return higher;
  return threads;
}
