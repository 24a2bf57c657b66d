import type { AlternativeToken, InferenceEvent, TokenLogprobs, Usage } from '../../../core/inference/index.ts';
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

interface ChoiceSoFar {
  text: string;
  logprobs: LogprobColumns | undefined;
  finishReason: string;
  /** Characters of the tokens reported so far, an echoed prompt's included. */
  characters: number;
}

/** The four parallel arrays of a completion's logprobs, each as JSON entries. */
interface LogprobColumns {
  readonly tokens: string[];
  readonly tokenLogprobs: string[];
  readonly topLogprobs: string[];
  readonly textOffsets: number[];
}

export interface CompletionAnswerOptions {
  readonly head: AnswerHead;
  readonly choiceCount: number;
  readonly includesUsage: boolean;
}

/** Text completions: one body, or chunks of the same shape. */
export class CompletionAnswer implements AnswerFormat {
  readonly #options: CompletionAnswerOptions;
  readonly #choices: ChoiceSoFar[];
  #start = '';
  readonly #chunkEnd: string;
  #usage: Usage = { promptTokens: 0, cachedTokens: 0, completionTokens: 0 };

  constructor(options: CompletionAnswerOptions) {
    this.#options = options;
    this.#choices = Array.from({ length: options.choiceCount }, newChoice);
    this.#chunkEnd = options.includesUsage ? '],"usage":null}\n\n' : ']}\n\n';
  }

  take(event: InferenceEvent): void {
    if (event.type === 'usage-report') this.#usage = event.usage;
    else if (event.type === 'choice-finished') this.#choiceOf(event.choice).finishReason = FINISH_REASONS[event.reason];
    else if (event.type === 'text-delta') this.#takeText(this.#choiceOf(event.choice), event.text, event.logprobs);
  }

  toBody(): string {
    this.#begin();
    const choices = this.#choices.map((choice, index) => {
      const logprobs = choice.logprobs === undefined ? 'null' : formatColumns(choice.logprobs);
      return formatChoice({ index, text: choice.text, logprobs, finishReason: `"${choice.finishReason}"` });
    });
    return `${this.#start}${choices.join(',')}],"usage":${formatUsage(this.#usage, this.#options.head)}}`;
  }

  toChunks(event: InferenceEvent): string {
    this.#begin();
    switch (event.type) {
      case 'text-delta':
        return this.#textChunk(event.choice, event.text, event.logprobs);
      case 'choice-finished':
        return this.#chunk({
          index: event.choice,
          text: '',
          logprobs: 'null',
          finishReason: `"${FINISH_REASONS[event.reason]}"`,
        });
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

  #takeText(choice: ChoiceSoFar, text: string, logprobs: readonly TokenLogprobs[] | undefined): void {
    choice.text += text;
    if (logprobs === undefined) return;
    choice.logprobs ??= newColumns();
    addTokens(choice.logprobs, choice, logprobs);
  }

  #textChunk(index: number, text: string, tokens: readonly TokenLogprobs[] | undefined): string {
    if (tokens === undefined) return text === '' ? '' : this.#chunk({ index, text, logprobs: 'null', finishReason: 'null' });
    const columns = newColumns();
    addTokens(columns, this.#choiceOf(index), tokens);
    return this.#chunk({ index, text, logprobs: formatColumns(columns), finishReason: 'null' });
  }

  #lastChunks(): string {
    if (!this.#options.includesUsage) return STREAM_END;
    return `data: ${this.#start}],"usage":${formatUsage(this.#usage, this.#options.head)}}\n\n${STREAM_END}`;
  }

  #begin(): void {
    if (this.#start === '') this.#start = `{${formatHead(this.#options.head, 'text_completion')},"choices":[`;
  }

  #chunk(choice: SpelledChoice): string {
    return `data: ${this.#start}${formatChoice(choice)}${this.#chunkEnd}`;
  }

  #choiceOf(index: number): ChoiceSoFar {
    return (this.#choices[index] ??= newChoice());
  }
}

interface SpelledChoice {
  readonly index: number;
  readonly text: string;
  /** JSON. */
  readonly logprobs: string;
  /** JSON. */
  readonly finishReason: string;
}

function formatChoice({ index, text, logprobs, finishReason }: SpelledChoice): string {
  return `{"text":${JSON.stringify(text)},"index":${index},"logprobs":${logprobs},"finish_reason":${finishReason}}`;
}

function newChoice(): ChoiceSoFar {
  return { text: '', logprobs: undefined, finishReason: 'stop', characters: 0 };
}

function newColumns(): LogprobColumns {
  return { tokens: [], tokenLogprobs: [], topLogprobs: [], textOffsets: [] };
}

function formatColumns(columns: LogprobColumns): string {
  const { tokens, tokenLogprobs, topLogprobs, textOffsets } = columns;
  const spelled = `"tokens":[${tokens.join(',')}],"token_logprobs":[${tokenLogprobs.join(',')}]`;
  return `{${spelled},"top_logprobs":[${topLogprobs.join(',')}],"text_offset":[${textOffsets.join(',')}]}`;
}

function addTokens(columns: LogprobColumns, choice: ChoiceSoFar, tokens: readonly TokenLogprobs[]): void {
  for (const token of tokens) {
    columns.tokens.push(JSON.stringify(spellToken(token)));
    columns.tokenLogprobs.push(formatLogprob(token.logprob));
    columns.topLogprobs.push(formatTop(token));
    const beginsInside = isContinuation(token.bytes[0]) && choice.characters > 0;
    columns.textOffsets.push(choice.characters - (beginsInside ? 1 : 0));
    choice.characters += token.bytes.reduce((count, byte) => count + (isContinuation(byte) ? 0 : 1), 0);
  }
}

/** Bytes 10xxxxxx go on with a character that an earlier token began. */
function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}

/** Token → log-probability. The chosen token is always in it, so that there may be one more than was asked for. */
function formatTop(token: TokenLogprobs): string {
  if (token.logprob === null) return 'null';
  const entries = new Map(token.top.map((one) => [spellToken(one), one.logprob]));
  entries.set(spellToken(token), token.logprob);
  return `{${[...entries].map(([text, logprob]) => `${JSON.stringify(text)}:${formatLogprob(logprob)}`).join(',')}}`;
}

/** A token that is not whole characters is spelled `bytes:\xe2\x82`, as OpenAI does, which also keeps two such apart. */
function spellToken(token: Pick<AlternativeToken, 'text' | 'bytes'>): string {
  if (Buffer.byteLength(token.text) === token.bytes.length) return token.text;
  return `bytes:${token.bytes.map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')}`;
}
