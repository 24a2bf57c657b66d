export { engineConformance, type EngineCheck } from './conformance.ts';
export { openEngine } from './open-engine.ts';
export type { Engine, OutputIndex, Prompting, PromptText, Sampler, SamplerOptions, Step, StepRow } from './engine.ts';
