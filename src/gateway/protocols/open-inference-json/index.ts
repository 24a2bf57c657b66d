export { parseGenerateBody } from './generate-body.ts';
export { formatInferAnswer, formatResponseHead, type AnswerForms, type InferAnswer, writeLongOutputs } from './infer-answer.ts';
export { parseInferBody, type BodyOutput, type InferBody } from './infer-body.ts';
export { dataToJson } from './json-tensors.ts';
export { isFields, parseJson, requireFields, type JsonFields } from './json-text.ts';
