export { openEngine } from './open-engine.ts';
export type {
  Engine,
  OutputIndex,
  Prompting,
  PromptText,
  Sampler,
  SamplerOptions,
  Step,
  StepRow,
} from './engine.ts';
