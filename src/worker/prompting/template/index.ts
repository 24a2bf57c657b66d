export { checkTemplate } from './check-template.ts';
export { compileTemplate, type ChatTemplate } from './chat-template.ts';
