export type { Capability, ModelFacts, ModelSpec } from './model.ts';
