export type { StreamRules } from './infer-stream.ts';
export { registerOpenInferenceRpcs, type OpenInferenceRpcs } from './register-open-inference.ts';
