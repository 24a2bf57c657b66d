/** Cuts text that arrives in pieces into lines. A line longer than `maxChars` is cut short there and its rest is dropped. */
export class LineReader {
  readonly #maxChars: number;
  readonly #onLine: (line: string) => void;
  #pending = '';
  #isOverlong = false;

  constructor(maxChars: number, onLine: (line: string) => void) {
    this.#maxChars = maxChars;
    this.#onLine = onLine;
  }

  push(chunk: string): void {
    let start = 0;
    for (let end = chunk.indexOf('\n'); end !== -1; end = chunk.indexOf('\n', start)) {
      this.#append(chunk.slice(start, end));
      const line = this.#pending;
      this.#pending = '';
      this.#isOverlong = false;
      start = end + 1;
      this.#onLine(line);
    }
    this.#append(chunk.slice(start));
  }

  #append(piece: string): void {
    if (this.#isOverlong) return;
    this.#pending += piece;
    if (this.#pending.length <= this.#maxChars) return;
    this.#pending = this.#pending.slice(0, this.#maxChars);
    this.#isOverlong = true;
  }
}
