import { readChatStream, type ChatPiece, type ChatUsage } from './read-chat-stream.ts';

interface Turn {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/** What every question of a conversation goes out with. */
export interface ChatOptions {
  readonly model: string;
  readonly system?: string;
  readonly temperature?: number;
  readonly maxTokens?: number;
  readonly seed?: number;
}

/** An answer as far as it came. */
export interface Answer {
  readonly text: string;
  /** `stop`, `length` …, or `interrupted` when the user stopped it. */
  readonly finishReason: string;
  readonly usage?: ChatUsage;
}

export interface AskOptions {
  readonly signal: AbortSignal;
  readonly onText: (text: string) => void;
}

/** Posts a chat completion and gives back the bytes of its stream. */
export type PostChat = (body: object, signal: AbortSignal) => Promise<AsyncIterable<unknown>>;

/** Turns that build on each other. */
export class Conversation {
  readonly #options: ChatOptions;
  readonly #post: PostChat;
  #turns: Turn[] = [];

  constructor(options: ChatOptions, post: PostChat) {
    this.#options = options;
    this.#post = post;
    this.forget();
  }

  /** Starts over; the system message stays. */
  forget(): void {
    const { system } = this.#options;
    this.#turns = system === undefined ? [] : [{ role: 'system', content: system }];
  }

  /** An answer that fails leaves the conversation as it was; one that is interrupted stays as far as it came. */
  async ask(content: string, { signal, onText }: AskOptions): Promise<Answer> {
    const turns: Turn[] = [...this.#turns, { role: 'user', content }];
    let answer: Answer = { text: '', finishReason: 'interrupted' };
    try {
      const chunks = await this.#post(this.#bodyOf(turns), signal);
      for await (const piece of readChatStream(chunks)) {
        answer = addPiece(answer, piece);
        if (piece.type === 'text') onText(piece.text);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    this.#turns = [...turns, { role: 'assistant', content: answer.text }];
    return answer;
  }

  #bodyOf(messages: readonly Turn[]): object {
    const { model, temperature, maxTokens, seed } = this.#options;
    return {
      model,
      messages,
      stream: true,
      stream_options: { include_usage: true },
      temperature,
      max_completion_tokens: maxTokens,
      seed,
    };
  }
}

function addPiece(answer: Answer, piece: ChatPiece): Answer {
  if (piece.type === 'text') return { ...answer, text: answer.text + piece.text };
  return piece.type === 'finish' ? { ...answer, finishReason: piece.reason } : { ...answer, usage: piece.usage };
}
