export { checkInputs, type InputRules } from './check-inputs.ts';
export { classifyTensor, type ClassificationWish } from './classification.ts';
export type { InferenceCommand, InferenceResponse, WantedOutput } from './command.ts';
export { readRequestParameters, sequenceKeyOf, type RequestParameters } from './request-parameters.ts';
export { statusOf, type OpenStatus } from './status-of.ts';
export { decodeBytesElements, elementCount, encodeBytesElements, refuse } from './tensor-bytes.ts';
