import { greedySampling, type GenerateRequest } from '../../src/core/inference/index.ts';
import { defaultOnnxOptions, type ModelSpec } from '../../src/core/models/index.ts';

/** A small model that says what it was told. */
export const echoSpec: ModelSpec = {
  name: 'echo',
  version: '1',
  engine: 'echo',
  task: 'generate',
  onnx: defaultOnnxOptions,
  slots: 2,
  contextTokens: 64,
  threads: 0,
  gpuLayers: 0,
  queueLength: 4,
  queueTimeoutMs: 5_000,
  memoryLimitBytes: 0,
  stepMs: 0,
};

/** A request for it. */
export function echoRequest(text: string, options: Partial<GenerateRequest> = {}): GenerateRequest {
  return {
    kind: 'generate',
    id: 'test',
    model: echoSpec.name,
    prompts: [{ type: 'text', text }],
    choiceCount: 1,
    sampling: greedySampling,
    stop: [],
    constraint: { type: 'text' },
    echoesPrompt: false,
    ignoresEnd: false,
    timeLeftMs: 30_000,
    ...options,
  };
}
