export { registerOpenAi } from './register-openai.ts';
export { formatOpenAiError, type OpenAiErrorAnswer } from './wire-shapes.ts';
