import type { SamplingParameters } from './request.ts';

/** Takes the most likely token, with everything else off. */
export const greedySampling: SamplingParameters = {
  temperature: 0,
  topP: 1,
  topK: 0,
  minP: 0,
  presencePenalty: 0,
  frequencyPenalty: 0,
  repeatPenalty: 1,
  logitBias: [],
};
