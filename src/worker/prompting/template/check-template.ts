import { PlinthError } from '../../../core/errors/index.ts';
import type { ChatTemplate } from './chat-template.ts';

const trialText = 'What is the capital of Germany?';

/**
 * Renders a trial conversation, so that a template that cannot work fails when its model is loaded and not at the first request.
 * @throws PlinthError `invalid_template`.
 */
export function checkTemplate(template: ChatTemplate): void {
  const messages = [{ role: 'user', content: trialText }];
  let rendered: string;
  try {
    rendered = template.render({ messages, addGenerationPrompt: true, bosToken: '<s>', eosToken: '</s>', now: new Date(0) });
  } catch (error) {
    if (!(error instanceof PlinthError) || error.code === 'invalid_template') throw error;
    throw refusal(`refuses a plain question: ${error.message}`);
  }
  if (!rendered.includes(trialText)) throw refusal('does not print what the user says');
}

function refusal(problem: string): PlinthError {
  return new PlinthError({ code: 'invalid_template', message: `The model's chat template ${problem}.` });
}
