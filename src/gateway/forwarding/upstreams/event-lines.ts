import { unreadable } from './upstream-failure.ts';

/** Longer is no chunk of an answer. */
const LONGEST_EVENT = 4 * 1024 * 1024;

/**
 * Cuts the bytes of a stream into the data of server-sent events, as https://html.spec.whatwg.org/multipage/server-sent-events.html reads
 * them; names, ids and comments are passed over. Throws `engine_failed` for an event that is too long.
 */
export class EventLines {
  readonly #decoder = new TextDecoder();
  /** Pieces of a line whose end has not come. */
  #pieces: string[] = [];
  /** Lines of an event whose end has not come. */
  #data: string[] = [];
  #characters = 0;

  /** The data of every event that is whole now. */
  push(bytes: Uint8Array): readonly string[] {
    const whole: string[] = [];
    const text = this.#decoder.decode(bytes, { stream: true });
    let start = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      this.#addPiece(text.slice(start, end));
      this.#endLine(whole);
      start = end + 1;
    }
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
    const joined = this.#pieces.length === 1 ? (this.#pieces[0] ?? '') : this.#pieces.join('');
    const line = joined.endsWith('\r') ? joined.slice(0, -1) : joined;
    this.#pieces = [];
    if (line.startsWith('data:')) this.#data.push(line.slice(line.startsWith('data: ') ? 6 : 5));
    if (line !== '') return;
    if (this.#data.length > 0) whole.push(this.#data.join('\n'));
    this.#data = [];
    this.#characters = 0;
  }
}
