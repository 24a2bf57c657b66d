export { checkConfig } from './check-config.ts';
export { completeConfig } from './complete-config.ts';
export { encodeTexts } from './element-data.ts';
export { openTensorTask } from './open-tensor-task.ts';
export { readRequest, type TensorItem } from './read-request.ts';
export { planTensors, type TensorPlan } from './tensor-plan.ts';
