import type { ToolCallParser, ToolTextDelta } from './tool-call-parser.ts';

type CallDelta = Extract<ToolTextDelta, { type: 'tool-call' }>;

interface Call {
  readonly name: string;
  argumentsText: string;
}

/**
 * Stands behind a parser of tool calls and ends the answer when a call repeats an earlier one word for word, which small models do
 * until their token limit. A call is held back as long as it may still turn out to be a repetition.
 */
export class RepeatGuard {
  readonly #parser: ToolCallParser;
  readonly #earlier: Call[] = [];
  #current: Call | undefined;
  #held: CallDelta[] = [];
  #hasRepeated = false;

  constructor(parser: ToolCallParser) {
    this.#parser = parser;
  }

  /** A call came a second time. It is left out, and nothing more is worth generating. */
  get hasRepeated(): boolean {
    return this.#hasRepeated;
  }

  push(text: string): ToolTextDelta[] {
    return this.#hasRepeated ? [] : this.#sift(this.#parser.push(text));
  }

  end(reason: 'stop' | 'length'): ToolTextDelta[] {
    if (this.#hasRepeated) return [];
    const last = this.#sift(this.#parser.end(reason));
    return this.#hasRepeated ? last : [...last, ...this.#release()];
  }

  #sift(deltas: readonly ToolTextDelta[]): ToolTextDelta[] {
    const passed: ToolTextDelta[] = [];
    for (const delta of deltas) {
      if (this.#hasRepeated) break;
      if (delta.type === 'text') passed.push(...this.#release(), delta);
      else passed.push(...this.#weigh(delta));
    }
    return passed;
  }

  #weigh(delta: CallDelta): ToolTextDelta[] {
    const passed = delta.name === undefined ? [] : this.#begin(delta.name);
    const call = this.#current;
    if (call === undefined) return [...passed, delta];
    call.argumentsText += delta.argumentsText;
    this.#held.push(delta);
    const alike = this.#earlier.filter(
      ({ name, argumentsText }) => name === call.name && argumentsText.startsWith(call.argumentsText),
    );
    this.#hasRepeated = alike.some(({ argumentsText }) => argumentsText === call.argumentsText);
    if (this.#hasRepeated) this.#held = [];
    return alike.length > 0 ? passed : [...passed, ...this.#release()];
  }

  #begin(name: string): ToolTextDelta[] {
    const passed = this.#release();
    if (this.#current !== undefined) this.#earlier.push(this.#current);
    this.#current = { name, argumentsText: '' };
    return passed;
  }

  #release(): CallDelta[] {
    const held = this.#held;
    this.#held = [];
    return held;
  }
}
