import type { FinishReason, InferenceEvent, TokenLogprobs } from '../../core/inference/index.ts';
import { TextAssembler, type TextPiece } from './text-assembler.ts';

/** What a parser of tool calls finds in text, in order. */
export type ParsedPiece =
  | { readonly type: 'text'; readonly text: string }
  | {
      readonly type: 'tool-call';
      readonly index: number;
      readonly id?: string;
      readonly name?: string;
      readonly argumentsText: string;
    };

/** Finds tool calls in text while it arrives. */
export interface ToolParser {
  /** The text has begun to repeat itself: what follows is dropped. */
  readonly hasRepeated: boolean;
  push(text: string): readonly ParsedPiece[];
  /** `length`: the token limit cut the answer. */
  end(reason: 'stop' | 'length'): readonly ParsedPiece[];
}

/** What one choice is written with. */
export interface ChoiceWriterOptions {
  readonly choice: number;
  readonly stop: readonly string[];
  /** `whole`: text is sent in one piece at the end. */
  readonly delivery: 'stream' | 'whole';
  readonly toolParser?: ToolParser;
  readonly emit: (event: InferenceEvent) => void;
}

/** Writes one choice of an answer: tokens in, events out, ending with one `choice-finished`. */
export class ChoiceWriter {
  readonly #options: ChoiceWriterOptions;
  readonly #assembler: TextAssembler;
  #calledTool = false;
  #heldText: string[] = [];
  #heldLogprobs: TokenLogprobs[] = [];

  constructor(options: ChoiceWriterOptions) {
    this.#options = options;
    this.#assembler = new TextAssembler(options.stop);
  }

  /** Text of the prompt, which stop strings and tool calls do not concern. */
  writePrompt(text: string, logprobs?: readonly TokenLogprobs[]): void {
    this.#emitText(text, logprobs ?? []);
  }

  /** True when a stop string ended the choice, or nothing more is worth generating. */
  push(bytes: Uint8Array, logprobs?: TokenLogprobs): boolean {
    const piece = this.#assembler.push(bytes, logprobs);
    this.#write(piece);
    return piece.isStopped || this.#options.toolParser?.hasRepeated === true;
  }

  finish(reason: Exclude<FinishReason, 'tool-calls'>): void {
    this.#write(this.#assembler.end());
    this.#writeParsed(this.#options.toolParser?.end(reason === 'length' ? 'length' : 'stop') ?? [], []);
    this.#releaseText();
    const isCall = this.#calledTool && reason === 'stop';
    this.#options.emit({ type: 'choice-finished', choice: this.#options.choice, reason: isCall ? 'tool-calls' : reason });
  }

  #write(piece: TextPiece): void {
    if (piece.text.length === 0 && piece.logprobs.length === 0) return;
    const { toolParser } = this.#options;
    if (toolParser === undefined) this.#emitText(piece.text, piece.logprobs);
    else this.#writeParsed(toolParser.push(piece.text), piece.logprobs);
  }

  #writeParsed(pieces: readonly ParsedPiece[], logprobs: readonly TokenLogprobs[]): void {
    if (logprobs.length > 0 && !pieces.some((piece) => piece.type === 'text')) this.#emitText('', logprobs);
    let unsent = logprobs;
    for (const piece of pieces) {
      if (piece.type === 'text') {
        this.#emitText(piece.text, unsent);
        unsent = [];
      } else {
        this.#calledTool = true;
        this.#releaseText();
        const { type: _type, ...call } = piece;
        this.#options.emit({ type: 'tool-call-delta', choice: this.#options.choice, ...call });
      }
    }
  }

  #emitText(text: string, logprobs: readonly TokenLogprobs[]): void {
    if (this.#options.delivery !== 'whole') return this.#sendText(text, logprobs);
    this.#heldText.push(text);
    this.#heldLogprobs.push(...logprobs);
  }

  #releaseText(): void {
    if (this.#heldText.length > 0) this.#sendText(this.#heldText.join(''), this.#heldLogprobs);
    this.#heldText = [];
    this.#heldLogprobs = [];
  }

  #sendText(text: string, logprobs: readonly TokenLogprobs[]): void {
    const { choice, emit } = this.#options;
    if (logprobs.length > 0) emit({ type: 'text-delta', choice, text, logprobs });
    else if (text.length > 0) emit({ type: 'text-delta', choice, text });
  }
}
