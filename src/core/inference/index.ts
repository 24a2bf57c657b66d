export { greedySampling } from './greedy-sampling.ts';
export type {
  ChatMessage,
  EmbedRequest,
  GenerateRequest,
  InferenceRequest,
  JsonObject,
  JsonValue,
  OutputConstraint,
  Prompt,
  SamplingParameters,
  Tool,
  ToolCall,
  ToolChoice,
  ToolOptions,
} from './request.ts';
export {
  isTerminal,
  type AlternativeToken,
  type FinishReason,
  type InferenceEvent,
  type RequestTimings,
  type TerminalEvent,
  type TokenLogprobs,
  type Usage,
} from './event.ts';
