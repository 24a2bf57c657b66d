/** What is known of a replica's memory before it is started. */
export interface MemoryFacts {
  readonly engine: 'llama' | 'onnx' | 'echo';
  /** Of all files. */
  readonly fileBytes: number;
  /** Tokens of KV cache that the configuration asks for; 0 leaves the choice to the engine. */
  readonly contextTokens: number;
  /** Of a GGUF file. */
  readonly shape?: { readonly blockCount: number; readonly embeddingDimensions: number; readonly contextTokens: number };
  readonly freeBytes: number;
  readonly replicaCount: number;
  /** A replica above it is replaced; 0 is no limit. */
  readonly memoryLimitBytes: number;
  /** Another version of the model that runs: what one replica of it takes, and its files. */
  readonly sibling?: { readonly residentBytes: number; readonly fileBytes: number };
}

const MIB = 1024 ** 2;
/** A replica's process with nothing loaded. */
const PROCESS_BYTES = 100 * MIB;
/** What engines make of the bytes of a file: llama.cpp keeps them and some buffers, ONNX Runtime packs many weights a second time. */
const FACTORS = { llama: 1.1, onnx: 1.5, echo: 1 } as const;
const HALF_BYTES = 2;
/** As the engine chooses: two whole contexts, at most this much and this share of free memory. */
const MOST_CACHE_BYTES = 1024 ** 3;
const CACHE_SHARE = 0.25;
const CONTEXTS = 2;

/**
 * About how many bytes the replicas of a version will take. Where another version of the model runs, what that one takes is the best
 * measure; the estimate is an upper one for models whose heads share keys and values.
 */
export function chooseMemoryNeed(facts: MemoryFacts): number {
  const estimate = facts.sibling === undefined ? estimateReplica(facts) : measureBy(facts.sibling, facts);
  const limit = facts.memoryLimitBytes === 0 ? Infinity : facts.memoryLimitBytes;
  return Math.round(Math.min(estimate, limit) * facts.replicaCount);
}

function measureBy(sibling: NonNullable<MemoryFacts['sibling']>, { engine, fileBytes }: MemoryFacts): number {
  const more = (fileBytes - sibling.fileBytes) * FACTORS[engine];
  return Math.max(sibling.residentBytes + more, fileBytes);
}

function estimateReplica(facts: MemoryFacts): number {
  const { engine, fileBytes } = facts;
  return PROCESS_BYTES + fileBytes * FACTORS[engine] + (engine === 'llama' ? estimateCache(facts) : 0);
}

function estimateCache({ shape, contextTokens, freeBytes }: MemoryFacts): number {
  if (shape === undefined) return 0;
  const tokenBytes = shape.blockCount * shape.embeddingDimensions * 2 * HALF_BYTES;
  if (contextTokens > 0) return contextTokens * tokenBytes;
  return Math.min(shape.contextTokens * CONTEXTS * tokenBytes, MOST_CACHE_BYTES, freeBytes * CACHE_SHARE);
}
