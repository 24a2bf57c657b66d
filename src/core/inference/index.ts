export { approximateBytes } from './event-bytes.ts';
export { GatheredStream } from './gathered-stream.ts';
export { asReferenceRequest } from './reference-request.ts';
export { greedySampling } from './greedy-sampling.ts';
export { workerTokenTimes, type TokenTimes } from './token-times.ts';
export type {
  ChatMessage,
  ClassifyRequest,
  EmbedRequest,
  GenerateRequest,
  InferenceRequest,
  JsonObject,
  JsonValue,
  OutputConstraint,
  Prompt,
  RecognizeRequest,
  RequestHead,
  SamplingParameters,
  ScoreRequest,
  SequenceStep,
  TensorRequest,
  Tool,
  ToolCall,
  ToolChoice,
  ToolOptions,
  TranscribeRequest,
} from './request.ts';
export {
  isTerminal,
  type AlternativeToken,
  type ExecutionReport,
  type FinishReason,
  type InferenceEvent,
  type RequestTimings,
  type ScoredClass,
  type TerminalEvent,
  type TokenLogprobs,
  type TranscriptSegment,
  type Usage,
} from './event.ts';
export { datatypeBytes, tensorDatatypes, type Tensor, type TensorDatatype, type TensorParameter } from './tensor.ts';
