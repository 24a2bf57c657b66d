import type { InferenceRequest } from './request.ts';

/** Greedy answers do not differ from themselves: the measure of how much a version's own answers differ needs some freedom. */
const LEAST_TEMPERATURE = 0.7;

/**
 * The request that tells how much a version's own answers differ: the same one with another seed and, for text, some temperature. Other
 * kinds have one answer and stay as they are. `seed` is an unsigned 32-bit number.
 */
export function asReferenceRequest(request: InferenceRequest, seed: number): InferenceRequest {
  if (request.kind !== 'generate') return request;
  const temperature = Math.max(request.sampling.temperature, LEAST_TEMPERATURE);
  return { ...request, sampling: { ...request.sampling, temperature, seed } };
}
