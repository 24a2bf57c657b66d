import { PlinthError } from '../../core/errors/index.ts';
import type { ChatMessage, Prompt, ToolOptions } from '../../core/inference/index.ts';
import type { Engine, PromptText } from '../engines/index.ts';
import { buildChatPrompt, checkTemplate, compileTemplate, type ChatTemplate } from '../prompting/index.ts';

export interface ReadOptions {
  /** The request field that holds the prompt, for errors. */
  readonly param: string;
  readonly toolOptions?: ToolOptions | undefined;
}

/** Token ids of a prompt; those from `answerStart` on are the given beginning of the answer. */
export interface ReadPrompt {
  readonly tokens: number[];
  readonly answerStart: number;
}

/** Texts longer than this many characters a context token are measured in slices first, so that a hopeless one costs little. */
const HOPELESS_CHARACTERS_PER_TOKEN = 12;
const SLICE_CHARACTERS = 32_768;

/** Turns prompts of every kind into token ids of one engine, checked against its context. */
export class PromptReader {
  readonly #engine: Engine;
  readonly #template: ChatTemplate | undefined;

  constructor(engine: Engine) {
    this.#engine = engine;
    const { prompting } = engine;
    this.#template = prompting.type === 'template' ? openTemplate(prompting.source) : undefined;
  }

  read(prompt: Prompt, options: ReadOptions): number[] {
    const tokens = this.#tokensOf(prompt, options);
    if (tokens.length >= this.#engine.facts.contextTokens) throw this.#tooLong(`${tokens.length}`, options.param);
    return tokens;
  }

  /** The prompt with the beginning of its answer behind it. */
  readWithStart(prompt: Prompt, options: ReadOptions & { readonly start: string | undefined }): ReadPrompt {
    const tokens = this.read(prompt, options);
    if (options.start === undefined) return { tokens, answerStart: tokens.length };
    const start = this.#engine.tokenize([{ text: options.start, parsesSpecial: 'no' }], { addsSpecial: 'no' });
    const length = tokens.length + start.length;
    if (length >= this.#engine.facts.contextTokens) throw this.#tooLong(`${length}`, options.param);
    return { tokens: [...tokens, ...start], answerStart: tokens.length };
  }

  #tokensOf(prompt: Prompt, options: ReadOptions): number[] {
    switch (prompt.type) {
      case 'tokens':
        return this.#checkTokens(prompt.tokens, options.param);
      case 'text':
        if (prompt.suffix !== undefined && prompt.suffix.length > 0) return this.#infill(prompt.text, prompt.suffix);
        return this.#tokenize([{ text: prompt.text, parsesSpecial: 'no' }], options.param);
      case 'chat':
        return this.#tokenize(this.#chatText(prompt.messages, options.toolOptions), options.param);
    }
  }

  #chatText(messages: readonly ChatMessage[], toolOptions: ToolOptions | undefined): readonly PromptText[] {
    const { prompting } = this.#engine;
    if (this.#template === undefined || prompting.type !== 'template') {
      return [{ text: messages.at(-1)?.content ?? '', parsesSpecial: 'no' }];
    }
    return buildChatPrompt({
      template: this.#template,
      messages,
      controlTokens: prompting.controlTokens,
      bosToken: prompting.bosText,
      eosToken: prompting.eosText,
      now: new Date(),
      ...(toolOptions ? { toolOptions } : {}),
    });
  }

  #tokenize(prompt: readonly PromptText[], param: string): number[] {
    const characters = prompt.reduce((sum, part) => sum + part.text.length, 0);
    if (characters > this.#engine.facts.contextTokens * HOPELESS_CHARACTERS_PER_TOKEN) this.#refuseHopeless(prompt, param);
    return this.#engine.tokenize(prompt, { addsSpecial: 'yes' });
  }

  #refuseHopeless(prompt: readonly PromptText[], param: string): void {
    let tokens = 0;
    for (const { text } of prompt) {
      for (let at = 0; at < text.length; at += SLICE_CHARACTERS) {
        const slice = text.slice(at, at + SLICE_CHARACTERS);
        tokens += this.#engine.tokenize([{ text: slice, parsesSpecial: 'no' }], { addsSpecial: 'no' }).length;
        if (tokens > this.#engine.facts.contextTokens * 2) throw this.#tooLong(`more than ${tokens}`, param);
      }
    }
  }

  #infill(prefix: string, suffix: string): number[] {
    const tokens = this.#engine.infill(prefix, suffix);
    if (tokens !== undefined) return tokens;
    const message = 'This model has no tokens for filling in the middle; leave out suffix.';
    throw new PlinthError({ code: 'unsupported_capability', message, param: 'suffix' });
  }

  #checkTokens(tokens: readonly number[], param: string): number[] {
    const limit = this.#engine.vocabularySize;
    const wrong = tokens.find((token) => !Number.isInteger(token) || token < 0 || token >= limit);
    if (wrong === undefined) return [...tokens];
    const message = `Token ids must be whole numbers from 0 to ${limit - 1}, got ${wrong}.`;
    throw new PlinthError({ code: 'invalid_request', message, param });
  }

  #tooLong(count: string, param: string): PlinthError {
    const limit = this.#engine.facts.contextTokens;
    const message =
      `This model's maximum context length is ${limit} tokens, and the prompt has ${count} tokens; ` +
      'it must leave room for at least one token of the answer. Shorten the prompt.';
    return new PlinthError({ code: 'context_length_exceeded', message, param });
  }
}

function openTemplate(source: string | undefined): ChatTemplate {
  const template = compileTemplate(source);
  checkTemplate(template);
  return template;
}
