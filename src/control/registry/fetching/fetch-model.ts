import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PlinthError } from '../../../core/errors/index.ts';
import { screenModelFile, type GgufSummary } from '../screening/index.ts';
import type { DownloadTarget } from '../sources/index.ts';
import type { PullProgress } from '../store-contract.ts';
import { fetchFile } from './fetch-file.ts';
import { removePartial } from './partial-file.ts';
import { progressNoteOf, trySources, withoutSecrets, type Attempt, type FetchTools } from './try-sources.ts';

export interface FetchOrder {
  /** What the model is called in messages. */
  readonly title: string;
  readonly references: readonly string[];
  /** The name of the partial file; whoever orders holds the lock of this name. */
  readonly key: string;
  readonly bytes?: number;
  readonly sha256?: string;
}

export interface FetchedModel {
  readonly sha256: string;
  readonly bytes: number;
  readonly source: string;
  readonly filePath: string;
  readonly summary: GgufSummary;
}

/** Tries the references in order until one yields the GGUF file: digest right, header checked, in its place in the store. */
export async function fetchModel(order: FetchOrder, tools: FetchTools): Promise<FetchedModel> {
  const { title, key, references } = order;
  return trySources({ title, key, choices: references, referenceOf: (reference) => reference }, tools, (attempt) =>
    new Fetch(order, tools, attempt).run(),
  );
}

/** One file from one source. */
class Fetch {
  readonly #order: FetchOrder;
  readonly #tools: FetchTools;
  readonly #attempt: Attempt<string>;
  readonly #partialPath: string;
  readonly #shown: string;
  #hasPackage = false;

  constructor(order: FetchOrder, tools: FetchTools, attempt: Attempt<string>) {
    this.#order = order;
    this.#tools = tools;
    this.#attempt = attempt;
    this.#partialPath = join(tools.blobs.partialFolder, `${order.key}.part`);
    this.#shown = withoutSecrets(attempt.choice);
  }

  async run(): Promise<FetchedModel> {
    const { bytes: expectedBytes, sha256: expectedSha256 } = this.#order;
    const { blobs, readFreeBytes } = this.#tools;
    this.#report({ phase: 'connecting', receivedBytes: 0, ...this.#total(expectedBytes) });
    const { sha256, bytes } = await fetchFile({
      partialPath: this.#partialPath,
      reference: this.#attempt.choice,
      ...(expectedBytes === undefined ? {} : { bytes: expectedBytes }),
      ...(expectedSha256 === undefined ? {} : { sha256: expectedSha256 }),
      ...(readFreeBytes === undefined ? {} : { readFreeBytes }),
      fill: (target) => this.#download(target),
      onBytes: (held, total) => this.#reportFile(held, total),
    });
    this.#report({ phase: 'verifying', receivedBytes: bytes, totalBytes: bytes });
    const summary = await this.#screen();
    const filePath = await blobs.take(this.#partialPath, sha256);
    await removePartial(this.#partialPath);
    return { sha256, bytes, source: this.#shown, filePath, summary };
  }

  async #download(target: DownloadTarget): Promise<void> {
    const { choice, source, workFolder } = this.#attempt;
    await rm(workFolder, { recursive: true, force: true });
    await mkdir(workFolder, { mode: 0o700 });
    const { environment, signal } = this.#tools;
    const report = (bytes: number, total?: number) => this.#reportPackage(bytes, total);
    await source.fetch({ reference: choice, target, workFolder, environment, signal, report });
  }

  async #screen(): Promise<GgufSummary> {
    try {
      return await screenModelFile(this.#partialPath, { signal: this.#tools.signal });
    } catch (error) {
      if (error instanceof PlinthError && error.code === 'invalid_model_file') await removePartial(this.#partialPath);
      throw error;
    }
  }

  /** Once a package has come, its file's bytes are unpacked and hashed, not downloaded. */
  #reportFile(receivedBytes: number, totalBytes: number | undefined): void {
    this.#report({ phase: this.#hasPackage ? 'verifying' : 'downloading', receivedBytes, ...this.#total(totalBytes) });
  }

  #reportPackage(receivedBytes: number, totalBytes: number | undefined): void {
    this.#hasPackage = true;
    this.#report({ phase: 'downloading', receivedBytes, ...this.#total(totalBytes) });
  }

  #report(progress: Omit<PullProgress, 'source'>): void {
    const { observer, blobs } = this.#tools;
    observer.report({ ...progress, source: this.#shown });
    observer.note(progressNoteOf(blobs, this.#order.key));
  }

  #total(totalBytes: number | undefined): { totalBytes?: number } {
    return totalBytes === undefined ? {} : { totalBytes };
  }
}
