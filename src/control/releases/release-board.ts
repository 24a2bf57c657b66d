import type { ReleaseContents, ReleaseRecords } from '../../core/records/index.ts';
import type { Logger } from '../../core/telemetry/index.ts';

/** What the board reads of a book. */
export type BoardBook = Pick<ReleaseRecords, 'readReleases' | 'releasesRevision' | 'watchReleases'>;

/** What a board follows. */
export interface BoardOptions {
  readonly book: BoardBook;
  readonly logger: Logger;
  /** How soon a change is seen when the book's own word of it is lost. */
  readonly pollMs?: number;
}

const POLL_MS = 250;
const NOTHING: ReleaseContents = { revision: 0, versions: [], lines: [], rollouts: [], experiments: [] };

/**
 * Holds what the book says of releases and tells everyone when that changes. While the book cannot be reached it keeps what it read
 * last, says so once in the log, and catches up by itself. Nothing here throws.
 */
export class ReleaseBoard {
  readonly #options: BoardOptions;
  readonly #listeners = new Set<(contents: ReleaseContents) => void>();
  readonly #timer: NodeJS.Timeout;
  readonly #stopWatching: () => void;
  #contents = NOTHING;
  #hasRead = false;
  #isLost = false;
  #isClosed = false;
  #reading: Promise<void> | undefined;
  #isAskedAgain = false;
  #isPolling = false;

  private constructor(options: BoardOptions) {
    this.#options = options;
    this.#stopWatching = options.book.watchReleases(() => void this.refresh());
    this.#timer = setInterval(() => void this.#poll(), options.pollMs ?? POLL_MS);
    this.#timer.unref();
  }

  /** Resolves when the book was read, or could not be: then the board is empty until it can. */
  static async open(options: BoardOptions): Promise<ReleaseBoard> {
    const board = new ReleaseBoard(options);
    await board.refresh();
    return board;
  }

  current(): ReleaseContents {
    return this.#contents;
  }

  /** Calls back after every change; returns the way to stop that. */
  subscribe(listener: (contents: ReleaseContents) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves when the board shows what the book had at the time of this call, or the book cannot be read. */
  refresh(): Promise<void> {
    // What is being read now may have been read before the change that this call is about.
    if (this.#reading !== undefined) this.#isAskedAgain = true;
    this.#reading ??= this.#read().finally(() => (this.#reading = undefined));
    return this.#reading;
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#stopWatching();
    this.#listeners.clear();
  }

  async #read(): Promise<void> {
    do {
      this.#isAskedAgain = false;
      try {
        this.#take(await this.#options.book.readReleases());
        this.#noteFound();
      } catch (error) {
        this.#noteLost(error);
      }
    } while (this.#isAskedAgain && !this.#isClosed);
  }

  async #poll(): Promise<void> {
    if (this.#isPolling || this.#reading !== undefined || this.#isClosed) return;
    this.#isPolling = true;
    try {
      const revision = await this.#options.book.releasesRevision();
      if (this.#isLost || revision !== this.#contents.revision) await this.refresh();
    } catch (error) {
      this.#noteLost(error);
    } finally {
      this.#isPolling = false;
    }
  }

  #noteFound(): void {
    if (this.#isLost && !this.#isClosed) this.#options.logger.info('the book of releases can be read again');
    this.#isLost = false;
  }

  #noteLost(error: unknown): void {
    if (!this.#isLost && !this.#isClosed)
      this.#options.logger.warn({ err: error }, 'the book of releases cannot be read; what was read last stays in force');
    this.#isLost = true;
  }

  #take(contents: ReleaseContents): void {
    if (this.#isClosed || (this.#hasRead && contents.revision === this.#contents.revision)) return;
    this.#hasRead = true;
    this.#contents = contents;
    for (const listener of this.#listeners) {
      try {
        listener(contents);
      } catch (error) {
        this.#options.logger.error({ err: error }, 'a listener to releases failed');
      }
    }
  }
}
