import type { ChatTemplate } from './chat-template.ts';

/** Renders a trial conversation, so that a template that cannot work fails at load. @throws PlinthError `invalid_template`. */
export function checkTemplate(template: ChatTemplate): void {
  template.render({ messages: [], addGenerationPrompt: true, bosToken: '', eosToken: '', now: new Date(0) });
}
