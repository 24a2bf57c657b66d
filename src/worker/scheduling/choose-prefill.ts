/** Kernels work in tiles of sixteen tokens; a step of 15 can cost more than one of 16. */
const QUANTUM = 16;

export interface PrefillFacts {
  readonly decodingSequences: number;
  /** Measured; 0 before the first prompt. */
  readonly prefillTokensPerMs: number;
  readonly stepTokens: number;
}

/** A step that others wait for is short, so that their tokens keep coming; alone, a prompt takes larger bites. */
const SHARED_STEP_MS = 120;
const LONELY_STEP_MS = 500;

/** Prompt tokens for the next step, so that rows fill whole tiles and a step stays near its target time. */
export function choosePrefill(facts: PrefillFacts): number {
  const { decodingSequences, prefillTokensPerMs, stepTokens } = facts;
  const targetMs = decodingSequences > 0 ? SHARED_STEP_MS : LONELY_STEP_MS;
  const affordable = prefillTokensPerMs > 0 ? targetMs * prefillTokensPerMs : 4 * QUANTUM;
  const tiles = Math.max(1, Math.floor((affordable + decodingSequences) / QUANTUM));
  const total = Math.max(tiles * QUANTUM, Math.ceil((decodingSequences + 1) / QUANTUM) * QUANTUM);
  return Math.max(1, Math.min(total, stepTokens) - decodingSequences);
}
