export { buildChatPrompt, type ChatPromptOptions, type PromptSegment } from './build-chat-prompt.ts';
export { checkTemplate } from './check-template.ts';
export { compileTemplate, type ChatTemplate, type TemplateInputs } from './chat-template.ts';
