import type { Logger } from '../../../core/telemetry/index.ts';
import { isOther, type BookContents } from './book-contents.ts';
import type { MemoryFile } from './memory-file.ts';

const SHORTEST_INTERVAL_MS = 1_000;
/** Evidence alone changes often, and old evidence only makes a rollout wait longer. */
const EVIDENCE_INTERVAL_MS = 15_000;

/** Writes contents to the file, the newest ones, no more than once a second. */
export class MemoryKeeper {
  readonly #file: MemoryFile;
  readonly #logger: Logger | undefined;
  #kept: BookContents | undefined;
  #wanted: BookContents | undefined;
  #writtenAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #dueAt = Infinity;
  #writing: Promise<void> = Promise.resolve();

  constructor(file: MemoryFile, logger: Logger | undefined) {
    this.#file = file;
    this.#logger = logger;
  }

  keep(contents: BookContents): void {
    this.#wanted = contents;
    const kept = this.#kept;
    const isUrgent = kept === undefined || isOther(kept.revisions, contents.revisions, ['keys', 'models', 'releases']);
    const dueAt = this.#writtenAt + (isUrgent ? SHORTEST_INTERVAL_MS : EVIDENCE_INTERVAL_MS);
    if (dueAt >= this.#dueAt) return;
    this.#dueAt = dueAt;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.flush(), Math.max(0, dueAt - Date.now())).unref();
  }

  /** Resolves when all that was given is written, or could not be. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#dueAt = Infinity;
    const contents = this.#wanted;
    this.#wanted = undefined;
    if (contents !== undefined) this.#writing = this.#writing.then(() => this.#write(contents));
    await this.#writing;
  }

  async #write(contents: BookContents): Promise<void> {
    this.#writtenAt = Date.now();
    try {
      await this.#file.write(contents);
      this.#kept = contents;
    } catch (error) {
      this.#logger?.warn({ err: error }, 'the last known state of the book cannot be kept on disk');
    }
  }
}
