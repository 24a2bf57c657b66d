export {
  findOpenModel,
  isModelReady,
  modelConfig,
  modelMetadata,
  parseVersion,
  type ModelAsk,
  type ModelMetadata,
  type TensorMetadata,
} from './find-open-model.ts';
export type { InferencePlan } from './inference-plan.ts';
export type { OpenModel } from './open-model.ts';
export { planInference } from './plan-inference.ts';
