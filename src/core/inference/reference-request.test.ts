import assert from 'node:assert/strict';
import { test } from 'node:test';
import { greedySampling } from './greedy-sampling.ts';
import { asReferenceRequest } from './reference-request.ts';
import type { GenerateRequest, InferenceRequest } from './request.ts';

const head = { id: 'r', model: 'm', timeLeftMs: 1000 };

function generate(temperature: number): GenerateRequest {
  return {
    kind: 'generate',
    ...head,
    prompts: [{ type: 'text', text: 'Hello' }],
    choiceCount: 1,
    sampling: { ...greedySampling, temperature, seed: 1 },
    stop: [],
    constraint: { type: 'json-object' },
    echoesPrompt: false,
    ignoresEnd: false,
  };
}

test('a request for text gets another seed and at least some temperature, and nothing else changes', () => {
  for (const [asked, used] of [
    [0, 0.7],
    [0.7, 0.7],
    [1.3, 1.3],
  ] as const) {
    const request = generate(asked);
    assert.deepEqual(asReferenceRequest(request, 7), {
      ...request,
      sampling: { ...request.sampling, temperature: used, seed: 7 },
    });
  }
});

test('a request with one possible answer stays as it is', () => {
  const request: InferenceRequest = { kind: 'embed', ...head, inputs: [{ type: 'text', text: 'Hello' }] };
  assert.equal(asReferenceRequest(request, 7), request);
});
