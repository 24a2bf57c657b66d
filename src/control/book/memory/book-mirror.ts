import { PlinthError } from '../../../core/errors/index.ts';
import type { BookDatabase } from '../schema/index.ts';
import { readRevisions, type Revisions } from '../records/index.ts';
import { isOther, readContents, type BookContents } from './book-contents.ts';

/** What a change of which makes the contents other ones. */
const WATCHED = ['keys', 'key-uses', 'models', 'releases', 'evidence'] as const satisfies readonly (keyof Revisions)[];

/**
 * The contents of a book in memory. Every read first asks the database how far it is, one small statement, and reads again what is
 * behind; a database that cannot be asked leaves the last contents in force. Revision and contents so always belong together.
 */
export class BookMirror {
  readonly #database: BookDatabase;
  readonly #onRead: (contents: BookContents) => void;
  #contents: BookContents | undefined;
  #reading: Promise<unknown> = Promise.resolve();

  /** `contents` are the last known ones, where there are some; `onRead` gets those that were read. */
  constructor(database: BookDatabase, contents: BookContents | undefined, onRead: (contents: BookContents) => void) {
    this.#database = database;
    this.#contents = contents;
    this.#onRead = onRead;
  }

  /** Throws `model_unavailable` when the database cannot be asked and nothing was ever read. */
  async current(): Promise<BookContents> {
    try {
      const revisions = await this.#database.read(readRevisions);
      const contents = this.#contents;
      if (contents !== undefined && !isOther(contents.revisions, revisions, WATCHED)) return contents;
      return await this.#readNext();
    } catch (error) {
      const isGone = error instanceof PlinthError && error.code === 'model_unavailable';
      if (isGone && this.#contents !== undefined) return this.#contents;
      throw error;
    }
  }

  /** One reading after the other. A reading that began before this call could miss what the caller knows of, so it is not shared. */
  #readNext(): Promise<BookContents> {
    const next = this.#reading.then(() => this.#read());
    this.#reading = next.catch(() => {});
    return next;
  }

  async #read(): Promise<BookContents> {
    const contents = await readContents(this.#database, this.#contents);
    this.#contents = contents;
    this.#onRead(contents);
    return contents;
  }
}
