import { callTags } from './call-tags.ts';

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

/** Options of {@link ToolCallParser}. */
export interface ToolCallParserOptions {
  /** Makes the id of a call, `call_` and something random. */
  readonly createId: () => string;
}

/** A call as it begins; the value of `arguments` follows. */
const callHead = /^\s*\{\s*"name"\s*:\s*("(?:[^"\\]|\\.)*")\s*,\s*"(?:arguments|parameters)"\s*:\s*(?=\{)/;

/**
 * Splits generated text into plain text and tool calls while it arrives; however it is cut, the result is the same. Arguments are passed
 * on as they come, without a check: a grammar is to keep them JSON. A block that is no call is plain text, and so is one that ends before
 * its arguments begin. White space around calls is dropped.
 */
export class ToolCallParser {
  readonly #createId: () => string;
  #state: 'text' | 'head' | 'arguments' | 'tail' = 'text';
  /** Received, not decided. */
  #held = '';
  /** White space at the start or after a call: it counts only when text follows. */
  #blank = '';
  #isFresh = true;
  #calls = 0;
  #nesting = new NestingCounter();
  #out: ToolTextDelta[] = [];

  constructor(options: ToolCallParserOptions) {
    this.#createId = options.createId;
  }

  /** Calls begun so far; more than 0 makes the finish reason `tool-calls`. */
  get callCount(): number {
    return this.#calls;
  }

  push(text: string): ToolTextDelta[] {
    this.#held += text;
    while (this.#advance());
    return this.#takeOut();
  }

  /**
   * What was still held back. Nothing may be pushed afterwards. When the token limit cut the answer, a call that had not reached its
   * arguments is left out: it is no text for the caller.
   */
  end(reason: 'stop' | 'length'): ToolTextDelta[] {
    if (reason === 'length' && this.#isInMarkup()) return this.#takeOut();
    while (this.#state === 'head') {
      this.#giveUpBlock();
      while (this.#advance());
    }
    if (this.#state === 'text') this.#emitText(this.#held);
    if (this.#calls === 0 && this.#blank !== '') this.#out.push({ type: 'text', text: this.#blank });
    return this.#takeOut();
  }

  #isInMarkup(): boolean {
    return this.#state === 'head' || (this.#state === 'text' && this.#calls > 0 && tagBeginAtEnd(this.#held) > 0);
  }

  /** Decides what it can; true when there may be more to decide. */
  #advance(): boolean {
    switch (this.#state) {
      case 'text':
        return this.#readText();
      case 'head':
        return this.#readHead();
      case 'arguments':
        return this.#readArguments();
      case 'tail':
        return this.#readTail();
    }
  }

  #readText(): boolean {
    const at = this.#held.indexOf(callTags.open);
    if (at >= 0) {
      this.#emitText(this.#held.slice(0, at));
      this.#held = this.#held.slice(at + callTags.open.length);
      this.#state = 'head';
      return true;
    }
    const kept = tagBeginAtEnd(this.#held);
    this.#emitText(this.#held.slice(0, this.#held.length - kept));
    this.#held = this.#held.slice(this.#held.length - kept);
    return false;
  }

  #readHead(): boolean {
    const end = this.#held.indexOf(callTags.close);
    const block = end < 0 ? this.#held : this.#held.slice(0, end);
    const [head, quotedName] = callHead.exec(block) ?? [];
    const name = quotedName === undefined ? undefined : parseJson(quotedName);
    if (head !== undefined && typeof name === 'string') {
      this.#begin(name, '');
      this.#held = this.#held.slice(head.length);
      this.#nesting = new NestingCounter();
      this.#state = 'arguments';
      return true;
    }
    if (end < 0) return false;
    this.#readWholeBlock(block);
    return true;
  }

  /** A block whose keys stand in another order is a call as well. */
  #readWholeBlock(block: string): void {
    const call = parseJson(block);
    const isCall =
      typeof call === 'object' && call !== null && 'name' in call && typeof call.name === 'string' && 'arguments' in call;
    if (!isCall || typeof call.arguments !== 'object' || call.arguments === null) return this.#giveUpBlock();
    this.#begin(String(call.name), JSON.stringify(call.arguments));
    this.#held = this.#held.slice(block.length + callTags.close.length);
    this.#state = 'text';
  }

  #readArguments(): boolean {
    const end = this.#nesting.findEnd(this.#held);
    const argumentsText = end === undefined ? this.#held : this.#held.slice(0, end);
    if (argumentsText !== '') this.#out.push({ type: 'tool-call', index: this.#calls - 1, argumentsText });
    this.#held = this.#held.slice(argumentsText.length);
    if (end !== undefined) this.#state = 'tail';
    return end !== undefined;
  }

  /** The end of the call's object and the closing tag; anything else is text after the call. */
  #readTail(): boolean {
    const brace = this.#held.trimStart();
    const close = brace.slice(1).trimStart();
    const isDone = brace.startsWith('}') && close.startsWith(callTags.close);
    const isOpen = brace === '' || (brace.startsWith('}') && callTags.close.startsWith(close));
    if (isOpen && !isDone) return false;
    if (isDone) this.#held = close.slice(callTags.close.length);
    this.#state = 'text';
    return true;
  }

  /** The tag was text after all; what follows it is looked at afresh. */
  #giveUpBlock(): void {
    this.#emitText(callTags.open);
    this.#state = 'text';
  }

  #begin(name: string, argumentsText: string): void {
    this.#out.push({ type: 'tool-call', index: this.#calls, id: this.#createId(), name, argumentsText });
    this.#calls += 1;
    this.#blank = '';
    this.#isFresh = true;
  }

  #emitText(text: string): void {
    const whole = this.#blank + text;
    const isHeld = this.#isFresh && whole.trim() === '';
    this.#blank = isHeld ? whole : '';
    if (isHeld || whole === '') return;
    this.#isFresh = false;
    this.#out.push({ type: 'text', text: whole });
  }

  #takeOut(): ToolTextDelta[] {
    const out = this.#out;
    this.#out = [];
    return out;
  }
}

/** Follows a JSON object until its last brace. */
class NestingCounter {
  #depth = 0;
  #isInString = false;
  #isEscaped = false;

  /** The position after the object's end, when it is in this piece. */
  findEnd(piece: string): number | undefined {
    for (let at = 0; at < piece.length; at += 1) {
      this.#read(piece[at] ?? '');
      if (this.#depth === 0) return at + 1;
    }
    return undefined;
  }

  #read(char: string): void {
    if (this.#isEscaped) this.#isEscaped = false;
    else if (this.#isInString && char === '\\') this.#isEscaped = true;
    else if (char === '"') this.#isInString = !this.#isInString;
    else if (!this.#isInString && (char === '{' || char === '[')) this.#depth += 1;
    else if (!this.#isInString && (char === '}' || char === ']')) this.#depth -= 1;
  }
}

/** How many characters at the end may become an opening tag. */
function tagBeginAtEnd(text: string): number {
  for (let length = Math.min(text.length, callTags.open.length - 1); length > 0; length -= 1) {
    if (callTags.open.startsWith(text.slice(-length))) return length;
  }
  return 0;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
