import { PlinthError } from '../../core/errors/index.ts';
import type { ChatMessage, ToolOptions } from '../../core/inference/index.ts';
import type { ChatTemplate } from './template/index.ts';
import { controlTextsOf, type ControlTexts } from './control-texts.ts';
import { foldSystem, nativeForm, plainForm, systemTextsOf, type ConversationForm } from './conversation-forms.ts';
import { encodeConversation } from './conversation.ts';
import { PrivateAlphabet } from './private-alphabet.ts';
import type { PromptSegment } from './prompt-segment.ts';

/** Options of {@link buildChatPrompt}. */
export interface ChatPromptOptions {
  readonly template: ChatTemplate;
  readonly messages: readonly ChatMessage[];
  readonly toolOptions?: ToolOptions;
  /** Texts of the vocabulary's control tokens; the same array each time, what is made of it is kept. */
  readonly controlTokens: readonly string[];
  readonly bosToken: string;
  readonly eosToken: string;
  readonly now: Date;
}

/**
 * Renders a conversation with the model's template. Control-token names in what the caller wrote are marked before and stay plain text.
 * Because a template could still put one together out of harmless parts, the prompt is compared with one whose caller texts cannot take
 * part in any token, and that one is used when the first has more.
 * @throws PlinthError `invalid_request` with the template's words, `invalid_template` beyond a limit.
 */
export function buildChatPrompt(options: ChatPromptOptions): PromptSegment[] {
  const control = controlTextsOf(options.controlTokens);
  const callerTexts = textsOf(options);
  const marked = renderEncoded(options, callerTexts, control.mark);
  if (callerTexts.every((text) => control.disarm(text, () => '') === text)) return marked;
  const disarmed = tryRender(() => renderEncoded(options, callerTexts, control.disarm));
  return disarmed !== undefined && countTokens(control, marked) > countTokens(control, disarmed) ? disarmed : marked;
}

function textsOf({ messages, toolOptions }: ChatPromptOptions): string[] {
  const texts: string[] = [];
  encodeConversation(messages, toolOptions, (text) => {
    texts.push(text);
    return text;
  });
  return texts;
}

type Coding = (text: string, replace: (part: string) => string) => string;

function renderEncoded(options: ChatPromptOptions, callerTexts: readonly string[], coding: Coding): PromptSegment[] {
  const alphabet = new PrivateAlphabet(callerTexts, Math.random());
  const encode = (text: string): string => coding(text, (part) => alphabet.markFor(part));
  const conversation = encodeConversation(options.messages, options.toolOptions, encode);
  const form = options.template.handlesTools ? nativeForm(conversation) : plainForm(conversation);
  return alphabet.split(renderWithSystem(options, form));
}

/** A template that refuses a system message, or leaves it out, gets it in the first turn of the user. */
function renderWithSystem(options: ChatPromptOptions, form: ConversationForm): string {
  const system = systemTextsOf(form);
  if (system.length === 0) return renderForm(options, form);
  let rendered: string;
  try {
    rendered = renderForm(options, form);
  } catch (error) {
    const folded = tryRender(() => renderForm(options, foldSystem(form)));
    if (folded === undefined) throw error;
    return folded;
  }
  const isComplete = system.every((text) => rendered.includes(text.trim()));
  return isComplete ? rendered : (tryRender(() => renderForm(options, foldSystem(form))) ?? rendered);
}

function renderForm(options: ChatPromptOptions, form: ConversationForm): string {
  const { template, bosToken, eosToken, now } = options;
  return template.render({ ...form, addGenerationPrompt: true, bosToken, eosToken, now });
}

function tryRender<T>(render: () => T): T | undefined {
  try {
    return render();
  } catch (error) {
    if (error instanceof PlinthError) return undefined;
    throw error;
  }
}

function countTokens(control: ControlTexts, segments: readonly PromptSegment[]): number {
  return segments.reduce((sum, { text, parsesSpecial }) => sum + (parsesSpecial === 'yes' ? control.count(text) : 0), 0);
}
