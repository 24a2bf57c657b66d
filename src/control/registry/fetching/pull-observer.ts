import { readFile, rm, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import type { ObtainOptions, PullProgress } from '../store-contract.ts';

const CALL_INTERVAL_MS = 100;
const NOTE_INTERVAL_MS = 250;

const noteSchema = z.strictObject({
  source: z.string(),
  receivedBytes: z.number(),
  totalBytes: z.number().exactOptional(),
});

/** Tells the caller how far an obtain has come, and other processes that wait for the same file. */
export class PullObserver {
  readonly #options: ObtainOptions;
  #last: PullProgress | undefined;
  #calledAt = -Infinity;
  #notedAt = -Infinity;
  #noting: Promise<void> = Promise.resolve();

  constructor(options: ObtainOptions) {
    this.#options = options;
  }

  /** Passes on every change of phase or source, and numbers ten times a second. */
  report(progress: PullProgress): void {
    const now = performance.now();
    const isNews = progress.phase !== this.#last?.phase || progress.source !== this.#last.source;
    if (!isNews && now - this.#calledAt < CALL_INTERVAL_MS) return;
    this.#last = progress;
    this.#calledAt = now;
    this.#options.onProgress?.(progress);
  }

  sourceFailed(source: string, message: string): void {
    this.#options.onSourceFailed?.(source, message);
  }

  /** Leaves the last progress at `notePath` for those that wait. */
  note(notePath: string): void {
    const now = performance.now();
    if (this.#last === undefined || now - this.#notedAt < NOTE_INTERVAL_MS) return;
    this.#notedAt = now;
    const { phase: _, ...note } = this.#last;
    // Only a display depends on it: a note that cannot be written is left out.
    this.#noting = this.#noting.then(() => writeFile(notePath, JSON.stringify(note), { mode: 0o600 })).catch(() => undefined);
  }

  async removeNote(notePath: string): Promise<void> {
    await this.#noting;
    await rm(notePath, { force: true });
  }

  /** Reports what the process that is at work noted last. */
  async reportWaiting(notePath: string, source: string): Promise<void> {
    const text = await readFile(notePath, 'utf8').catch(() => '');
    this.report({ source, receivedBytes: 0, ...readNote(text), phase: 'waiting' });
  }
}

function readNote(text: string): z.infer<typeof noteSchema> | undefined {
  try {
    return noteSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
