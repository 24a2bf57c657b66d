export { httpErrorFacts } from './http/index.ts';
export type { Call, InferenceDoor } from './inference-door.ts';
export { formatOpenAiError, registerOpenAi } from './openai/index.ts';
