export { engineConformance, type EngineCheck } from './conformance.ts';
export { openEngine } from './open-engine.ts';
export type {
  Engine,
  OutputIndex,
  Prompting,
  PromptText,
  Sampler,
  SamplerOptions,
  Step,
  StepOutcome,
  StepRow,
} from './engine.ts';
