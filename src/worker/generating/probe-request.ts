import { greedySampling, type InferenceRequest } from '../../core/inference/index.ts';
import type { ModelFacts } from '../../core/models/index.ts';

const PROBE_MS = 60_000;

/** The smallest question that a language model can be asked. */
export function probeRequest(model: string, facts: ModelFacts): InferenceRequest {
  const call = { id: 'probe', model, timeLeftMs: PROBE_MS };
  const prompt = { type: 'text', text: 'Hello' } as const;
  if (!facts.capabilities.includes('completion')) return { kind: 'embed', ...call, inputs: [prompt] };
  return {
    kind: 'generate',
    ...call,
    prompts: [prompt],
    choiceCount: 1,
    sampling: greedySampling,
    maxTokens: 1,
    stop: [],
    constraint: { type: 'text' },
    echoesPrompt: false,
    ignoresEnd: false,
  };
}
