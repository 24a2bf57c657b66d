export { runChatLoop } from './chat-loop.ts';
export { Conversation, type Answer, type ChatOptions } from './conversation.ts';
