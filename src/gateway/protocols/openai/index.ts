export { requireCapability } from './models.ts';
export { registerOpenAi } from './register-openai.ts';
export { formatOpenAiError } from './wire-shapes.ts';
