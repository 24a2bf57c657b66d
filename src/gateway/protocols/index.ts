export { httpErrorFacts } from './http/index.ts';
export type { Call, InferenceDoor, ProtocolOptions } from './inference-door.ts';
export { formatOpenAiError, registerOpenAi, type OpenAiErrorAnswer } from './openai/index.ts';
