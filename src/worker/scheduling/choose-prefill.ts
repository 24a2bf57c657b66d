/** Kernels work in tiles of sixteen tokens; a step of 15 can cost more than one of 16. */
const QUANTUM = 16;

export interface PrefillFacts {
  readonly decodingSequences: number;
  /** Sequences with a prompt still to read, waiting ones included. */
  readonly readingSequences: number;
  /** Measured; 0 before the first prompt. */
  readonly prefillTokensPerMs: number;
  readonly stepTokens: number;
}

/**
 * A step that others wait for is short, so that their tokens keep coming; alone, a prompt takes larger bites. The more prompts wait for
 * each sequence that decodes, the longer the step: a fuller batch decodes at a lower price a token.
 */
const SHARED_STEP_MS = 150;
const LONELY_STEP_MS = 500;

/** Prompt tokens for the next step, so that rows fill whole tiles and a step stays near its target time. */
export function choosePrefill(facts: PrefillFacts): number {
  const { decodingSequences, readingSequences, prefillTokensPerMs, stepTokens } = facts;
  const pressure = decodingSequences === 0 ? Infinity : 1 + readingSequences / decodingSequences;
  const targetMs = Math.min(LONELY_STEP_MS, SHARED_STEP_MS * pressure);
  const affordable = prefillTokensPerMs > 0 ? targetMs * prefillTokensPerMs : 4 * QUANTUM;
  const tiles = Math.max(1, Math.floor((affordable + decodingSequences) / QUANTUM));
  const total = Math.max(tiles * QUANTUM, Math.ceil((decodingSequences + 1) / QUANTUM) * QUANTUM);
  return Math.max(1, Math.min(total, stepTokens) - decodingSequences);
}
