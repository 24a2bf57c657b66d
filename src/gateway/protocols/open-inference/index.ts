export { formatOpenInferenceError, isOpenInferencePath } from './format-error.ts';
export { OPEN_INFERENCE_PROBES, registerOpenInference } from './register-open-inference.ts';
export type { OpenInferenceRoutes } from './visit.ts';
