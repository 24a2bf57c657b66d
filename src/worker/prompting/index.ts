export { buildChatPrompt, type ChatPromptOptions } from './build-chat-prompt.ts';
export type { PromptSegment } from './prompt-segment.ts';
export { checkTemplate, compileTemplate, type ChatTemplate } from './template/index.ts';
