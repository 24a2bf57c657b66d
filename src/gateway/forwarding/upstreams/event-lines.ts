import { unreadable } from './upstream-failure.ts';

/** Longer is no chunk of an answer. */
const LONGEST_EVENT = 4 * 1024 * 1024;
const LINE_END = /\r\n?|\n/g;

/**
 * Cuts the bytes of a stream into the data of server-sent events, as https://html.spec.whatwg.org/multipage/server-sent-events.html reads
 * them: lines end with a newline, a carriage return or both; names, ids and comments are passed over. Throws `engine_failed` for an event
 * that is too long.
 */
export class EventLines {
  readonly #decoder = new TextDecoder();
  /** Pieces of a line whose end has not come. */
  #pieces: string[] = [];
  /** Lines of an event whose end has not come. */
  #data: string[] = [];
  /** What is held of both. */
  #characters = 0;
  /** The text before ended with a carriage return, which a newline may belong to. */
  #isAfterReturn = false;

  /** The data of every event that is whole now. */
  push(bytes: Uint8Array): readonly string[] {
    const whole: string[] = [];
    const text = this.#decoder.decode(bytes, { stream: true });
    if (text === '') return whole;
    let start = this.#isAfterReturn && text.startsWith('\n') ? 1 : 0;
    LINE_END.lastIndex = start;
    for (let end = LINE_END.exec(text); end !== null; end = LINE_END.exec(text)) {
      this.#addPiece(text.slice(start, end.index));
      this.#endLine(whole);
      start = LINE_END.lastIndex;
    }
    this.#isAfterReturn = text.endsWith('\r');
    this.#addPiece(text.slice(start));
    return whole;
  }

  #addPiece(piece: string): void {
    if (piece === '') return;
    this.#characters += piece.length;
    if (this.#characters > LONGEST_EVENT) throw unreadable('an event that does not end');
    this.#pieces.push(piece);
  }

  #endLine(whole: string[]): void {
    const line = this.#pieces.length === 1 ? (this.#pieces[0] ?? '') : this.#pieces.join('');
    this.#pieces = [];
    if (line.startsWith('data:')) this.#data.push(line.slice(line.startsWith('data: ') ? 6 : 5));
    else this.#characters -= line.length;
    if (line !== '') return;
    if (this.#data.length > 0) whole.push(this.#data.join('\n'));
    this.#data = [];
    this.#characters = 0;
  }
}
