import type { InferenceEvent, TokenLogprobs, Usage } from '../../../core/inference/index.ts';
import {
  FINISH_REASONS,
  formatFailure,
  formatHead,
  formatLogprob,
  formatUsage,
  STREAM_END,
  type AnswerFormat,
  type AnswerHead,
} from './wire-shapes.ts';

type TextDelta = Extract<InferenceEvent, { type: 'text-delta' }>;
type ToolCallDelta = Extract<InferenceEvent, { type: 'tool-call-delta' }>;

interface CallSoFar {
  id: string;
  name: string;
  argumentsText: string;
}

interface ChoiceSoFar {
  text: string;
  /** Entries of `logprobs.content`, JSON, comma-separated; absent when none were reported. */
  logprobs: string | undefined;
  readonly calls: CallSoFar[];
  finishReason: string;
  /** The role went out. */
  hasBegun: boolean;
}

export interface ChatAnswerOptions {
  readonly head: AnswerHead;
  readonly choiceCount: number;
  readonly includesUsage: boolean;
  /** Answer in the deprecated form, `function_call`. */
  readonly usesFunctions: boolean;
}

const NO_USAGE: Usage = { promptTokens: 0, cachedTokens: 0, completionTokens: 0 };

/** Chat completions: one body, or chunks. A chunk differs from the one before in its delta only, so that the rest is made once. */
export class ChatAnswer implements AnswerFormat {
  readonly #options: ChatAnswerOptions;
  readonly #choices: ChoiceSoFar[];
  #chunkStart = '';
  readonly #chunkEnd: string;
  #usage = NO_USAGE;

  constructor(options: ChatAnswerOptions) {
    this.#options = options;
    this.#choices = Array.from({ length: options.choiceCount }, newChoice);
    this.#chunkEnd = options.includesUsage ? '],"usage":null}\n\n' : ']}\n\n';
  }

  take(event: InferenceEvent): void {
    if (event.type === 'usage-report') this.#usage = event.usage;
    if (!('choice' in event)) return;
    const choice = this.#choiceOf(event.choice);
    if (event.type === 'text-delta') {
      choice.text += event.text;
      if (event.logprobs !== undefined) choice.logprobs = join(choice.logprobs, formatEntries(event.logprobs));
    } else if (event.type === 'tool-call-delta') {
      addToCall(choice.calls, event);
    } else {
      choice.finishReason = this.#spellReason(FINISH_REASONS[event.reason]);
    }
  }

  toBody(): string {
    const choices = this.#choices.map((choice, index) => this.#formatChoice(choice, index)).join(',');
    return `{${formatHead(this.#options.head, 'chat.completion')},"choices":[${choices}],"usage":${formatUsage(this.#usage, this.#options.head)}}`;
  }

  toChunks(event: InferenceEvent): string {
    if (this.#chunkStart === '')
      this.#chunkStart = `data: {${formatHead(this.#options.head, 'chat.completion.chunk')},"choices":[`;
    switch (event.type) {
      case 'text-delta':
        return this.#textChunk(event);
      case 'tool-call-delta':
        return this.#callChunk(event);
      case 'choice-finished':
        return this.#finishChunk(event.choice, this.#spellReason(FINISH_REASONS[event.reason]));
      case 'usage-report':
        this.#usage = event.usage;
        return '';
      case 'finished':
        return this.#lastChunks();
      case 'failed':
        return formatFailure(event.error);
      default:
        return '';
    }
  }

  #formatChoice(choice: ChoiceSoFar, index: number): string {
    const content = choice.text === '' && choice.calls.length > 0 ? 'null' : JSON.stringify(choice.text);
    const logprobs = choice.logprobs === undefined ? 'null' : `{"content":[${choice.logprobs}],"refusal":null}`;
    const message = `{"role":"assistant","content":${content},"refusal":null${this.#formatCalls(choice.calls)}}`;
    return `{"index":${index},"message":${message},"logprobs":${logprobs},"finish_reason":"${choice.finishReason}"}`;
  }

  #formatCalls(calls: readonly CallSoFar[]): string {
    const [first] = calls;
    if (first === undefined) return '';
    const spell = (call: CallSoFar): string =>
      `{"name":${JSON.stringify(call.name)},"arguments":${JSON.stringify(call.argumentsText)}}`;
    if (this.#options.usesFunctions) return `,"function_call":${spell(first)}`;
    const spelled = calls.map((call) => `{"id":${JSON.stringify(call.id)},"type":"function","function":${spell(call)}}`);
    return `,"tool_calls":[${spelled.join(',')}]`;
  }

  #textChunk(event: TextDelta): string {
    if (event.text === '' && event.logprobs === undefined) return '';
    const logprobs = event.logprobs === undefined ? 'null' : `{"content":[${formatEntries(event.logprobs)}],"refusal":null}`;
    const delta = `{"content":${JSON.stringify(event.text)}}`;
    return this.#begin(event.choice, '""') + this.#chunk(event.choice, delta, `"logprobs":${logprobs},"finish_reason":null`);
  }

  #callChunk(event: ToolCallDelta): string {
    const { choice, index, id, name, argumentsText } = event;
    if (this.#options.usesFunctions && index > 0) return '';
    const named = name === undefined ? '' : `"name":${JSON.stringify(name)},`;
    const called = `{${named}"arguments":${JSON.stringify(argumentsText)}}`;
    const identity = id === undefined ? '' : `"id":${JSON.stringify(id)},"type":"function",`;
    const delta = this.#options.usesFunctions
      ? `{"function_call":${called}}`
      : `{"tool_calls":[{"index":${index},${identity}"function":${called}}]}`;
    return this.#begin(choice, 'null') + this.#chunk(choice, delta, '"logprobs":null,"finish_reason":null');
  }

  #finishChunk(choice: number, reason: string): string {
    return this.#begin(choice, '""') + this.#chunk(choice, '{}', `"logprobs":null,"finish_reason":"${reason}"`);
  }

  #lastChunks(): string {
    if (!this.#options.includesUsage) return STREAM_END;
    return `${this.#chunkStart}],"usage":${formatUsage(this.#usage, this.#options.head)}}\n\n${STREAM_END}`;
  }

  /** The role, once per choice, before anything else of it. */
  #begin(index: number, content: string): string {
    const choice = this.#choiceOf(index);
    if (choice.hasBegun) return '';
    choice.hasBegun = true;
    const delta = `{"role":"assistant","content":${content},"refusal":null}`;
    return this.#chunk(index, delta, '"logprobs":null,"finish_reason":null');
  }

  #chunk(index: number, delta: string, rest: string): string {
    return `${this.#chunkStart}{"index":${index},"delta":${delta},${rest}}${this.#chunkEnd}`;
  }

  #choiceOf(index: number): ChoiceSoFar {
    return (this.#choices[index] ??= newChoice());
  }

  #spellReason(reason: string): string {
    return this.#options.usesFunctions && reason === 'tool_calls' ? 'function_call' : reason;
  }
}

function newChoice(): ChoiceSoFar {
  return { text: '', logprobs: undefined, calls: [], finishReason: 'stop', hasBegun: false };
}

function addToCall(calls: CallSoFar[], event: ToolCallDelta): void {
  const call = (calls[event.index] ??= { id: '', name: '', argumentsText: '' });
  call.id += event.id ?? '';
  call.name += event.name ?? '';
  call.argumentsText += event.argumentsText;
}

function join(entries: string | undefined, more: string): string {
  if (entries === undefined || entries === '') return more;
  return more === '' ? entries : `${entries},${more}`;
}

function formatEntries(tokens: readonly TokenLogprobs[]): string {
  return tokens
    .map((token) => `{${formatToken(token)},"top_logprobs":[${token.top.map((one) => `{${formatToken(one)}}`).join(',')}]}`)
    .join(',');
}

function formatToken(token: { text: string; logprob: number | null; bytes: readonly number[] }): string {
  return `"token":${JSON.stringify(token.text)},"logprob":${formatLogprob(token.logprob)},"bytes":[${token.bytes.join(',')}]`;
}
