export interface ThreadFacts {
  readonly threads: number;
  /** Allowed counts, ascending. */
  readonly candidates: readonly number[];
  /** Mean of the recent steps' times, each divided by what such a step takes on a quiet machine. */
  readonly slowdown: number;
  /** Slowdown from which the next lower count would be faster, as measured when the model was loaded. */
  readonly bearableSlowdown: number;
  /** The largest count that did well when the model was loaded. */
  readonly preferred: number;
  readonly isRetryDue: boolean;
}

/**
 * Threads for the next step. ggml's barrier spins: with as many threads as cores, one busy neighbour can slow a step a hundredfold
 * (ggml-org/llama.cpp#13079). A count is left as soon as fewer threads would do better, and tried again later.
 */
export function chooseThreads(facts: ThreadFacts): number {
  const { threads, candidates, slowdown, bearableSlowdown, preferred, isRetryDue } = facts;
  const position = candidates.indexOf(threads);
  const lower = candidates[position - 1];
  if (lower !== undefined && slowdown > bearableSlowdown) return lower;
  const higher = candidates[position + 1];
  if (higher !== undefined && higher <= preferred && isRetryDue) return higher;
  return threads;
}
