import type { PullProgress } from '../store-contract.ts';
import { progressNoteOf, type FetchTools } from './try-sources.ts';

/** How far the files of a folder have come, as one number. */
export class FolderProgress {
  readonly #tools: FetchTools;
  readonly #key: string;
  readonly #source: string;
  #totalBytes: number | undefined;
  #finishedBytes = 0;
  #hasPackage = false;

  constructor(options: { readonly tools: FetchTools; readonly key: string; readonly source: string }) {
    this.#tools = options.tools;
    this.#key = options.key;
    this.#source = options.source;
  }

  /** `totalBytes`: of all files, 0 when unknown. */
  begin(totalBytes: number): void {
    this.#totalBytes = totalBytes === 0 ? undefined : totalBytes;
    this.#finishedBytes = 0;
    if (!this.#hasPackage) this.#report({ phase: 'connecting', receivedBytes: 0, ...this.#total() });
  }

  /** A package comes as a whole: its files' bytes are then unpacked and hashed, not downloaded. */
  reportPackage(receivedBytes: number, totalBytes: number | undefined): void {
    this.#hasPackage = true;
    this.#report({ phase: 'downloading', receivedBytes, ...(totalBytes === undefined ? {} : { totalBytes }) });
  }

  reportFile(heldBytes: number): void {
    const phase = this.#hasPackage ? 'verifying' : 'downloading';
    this.#report({ phase, receivedBytes: this.#finishedBytes + heldBytes, ...this.#total() });
  }

  finishFile(bytes: number): void {
    this.#finishedBytes += bytes;
  }

  reportConversion(): void {
    this.#report({ phase: 'converting', receivedBytes: this.#finishedBytes, ...this.#total() });
  }

  #total(): { totalBytes?: number } {
    return this.#totalBytes === undefined ? {} : { totalBytes: this.#totalBytes };
  }

  #report(progress: Omit<PullProgress, 'source'>): void {
    const { observer, blobs } = this.#tools;
    observer.report({ ...progress, source: this.#source });
    observer.note(progressNoteOf(blobs, this.#key));
  }
}
