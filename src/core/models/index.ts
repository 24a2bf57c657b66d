export {
  defaultOnnxOptions,
  taskNames,
  type Capability,
  type ModelFacts,
  type ModelSpec,
  type OnnxOptions,
  type TaskName,
  type TensorFacts,
} from './model.ts';
export type {
  BatchInput,
  BatchOutput,
  DynamicBatching,
  EnsembleStep,
  QueuePolicy,
  SequenceBatching,
  SequenceControl,
  SequenceState,
  TensorModelConfig,
  TensorPort,
  WarmupInput,
  WarmupSample,
} from './tensor-config.ts';
