export interface PoolFacts {
  /** Asked for by configuration; 0 leaves the choice open. */
  readonly wantedTokens: number;
  readonly trainedTokens: number;
  readonly bytesPerToken: number;
  readonly freeBytes: number;
}

const LARGEST_BYTES = 1024 ** 3;
const MEMORY_SHARE = 0.25;
const SMALLEST_TOKENS = 2048;
/** One context for a long conversation and room for as much again beside it. */
const CONTEXTS = 2;
const ALIGNMENT = 256;

/** Tokens of the KV cache that all slots share: two whole contexts when that takes at most a quarter of free memory and 1 GiB. */
export function choosePool({ wantedTokens, trainedTokens, bytesPerToken, freeBytes }: PoolFacts): number {
  if (wantedTokens > 0) return align(wantedTokens);
  const affordable = Math.min(freeBytes * MEMORY_SHARE, LARGEST_BYTES) / Math.max(1, bytesPerToken);
  const least = Math.min(trainedTokens, SMALLEST_TOKENS);
  return align(Math.max(least, Math.min(trainedTokens * CONTEXTS, affordable)));
}

function align(tokens: number): number {
  return Math.max(ALIGNMENT, Math.ceil(tokens / ALIGNMENT) * ALIGNMENT);
}
