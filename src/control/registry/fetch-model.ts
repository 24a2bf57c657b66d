import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PlinthError } from '../../core/errors/index.ts';
import type { Logger } from '../../core/telemetry/index.ts';
import type { BlobFolder } from './blob-folder.ts';
import { DigestMismatch, PartialFile, removePartial } from './partial-file.ts';
import type { PullObserver } from './pull-observer.ts';
import { withoutSecrets } from './resolve-reference.ts';
import { screenModelFile, type GgufSummary } from './screening/index.ts';
import type { PullProgress } from './store-contract.ts';
import { sources, type Source } from './sources/index.ts';

export interface FetchOrder {
  /** What the model is called in messages. */
  readonly title: string;
  readonly references: readonly string[];
  /** The name of the partial file; whoever orders holds the lock of this name. */
  readonly key: string;
  readonly bytes?: number;
  readonly sha256?: string;
}

export interface FetchTools {
  readonly blobs: BlobFolder;
  readonly observer: PullObserver;
  readonly logger: Logger;
  readonly environment: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  readonly readFreeBytes?: (folder: string) => Promise<number>;
}

export interface FetchedModel {
  readonly sha256: string;
  readonly bytes: number;
  readonly source: string;
  readonly filePath: string;
  readonly summary: GgufSummary;
}

/** Tries the references in order until one yields the file: digest right, header checked, in its place in the store. */
export async function fetchModel(order: FetchOrder, tools: FetchTools): Promise<FetchedModel> {
  const failures: string[] = [];
  for (const reference of order.references) {
    const shown = withoutSecrets(reference);
    try {
      return await fetchFrom(reference, order, tools);
    } catch (error) {
      tools.signal.throwIfAborted();
      if (error instanceof PlinthError) throw error;
      const message = error instanceof Error ? error.message.replaceAll(/\s+/g, ' ') : String(error);
      failures.push(`${shown}: ${message}`);
      tools.logger.info({ model: order.title, source: shown, reason: message }, 'a model source failed');
      tools.observer.sourceFailed(shown, message);
    }
  }
  const message = `${order.title} cannot be fetched; ${failures.join('; ')}`;
  throw new PlinthError({ code: 'model_unavailable', message });
}

async function fetchFrom(reference: string, order: FetchOrder, tools: FetchTools): Promise<FetchedModel> {
  const scheme = /^http:/i.test(reference) ? 'https' : reference.slice(0, reference.indexOf(':')).toLowerCase();
  const source = sources.find((candidate) => candidate.scheme === scheme);
  if (source === undefined) throw new Error('there is no such source');
  const workFolder = join(tools.blobs.partialFolder, `${order.key}.work`);
  try {
    return await new Fetch({ reference, source, workFolder, order, tools }).run();
  } finally {
    await rm(workFolder, { recursive: true, force: true });
    await tools.observer.removeNote(progressNoteOf(tools.blobs, order.key));
  }
}

/** Where the owner of a download notes its progress for those that wait. */
export function progressNoteOf(blobs: BlobFolder, key: string): string {
  return join(blobs.partialFolder, `${key}.progress`);
}

interface FetchPlan {
  readonly reference: string;
  readonly source: Source;
  readonly workFolder: string;
  readonly order: FetchOrder;
  readonly tools: FetchTools;
}

/** One file from one source. */
class Fetch {
  readonly #plan: FetchPlan;
  readonly #partialPath: string;
  readonly #shown: string;
  #hasPackage = false;

  constructor(plan: FetchPlan) {
    this.#plan = plan;
    this.#partialPath = join(plan.tools.blobs.partialFolder, `${plan.order.key}.part`);
    this.#shown = withoutSecrets(plan.reference);
  }

  async run(): Promise<FetchedModel> {
    const { order, tools } = this.#plan;
    this.#report({ phase: 'connecting', receivedBytes: 0, ...this.#total(order.bytes) });
    const { sha256, bytes } = await this.#downloadWhole();
    this.#report({ phase: 'verifying', receivedBytes: bytes, totalBytes: bytes });
    const summary = await this.#screen();
    const filePath = await tools.blobs.take(this.#partialPath, sha256);
    await removePartial(this.#partialPath);
    return { sha256, bytes, source: this.#shown, filePath, summary };
  }

  /** A digest that is wrong after a resumed download may be the held bytes' fault: then once more from the beginning. */
  async #downloadWhole(): Promise<{ sha256: string; bytes: number }> {
    for (;;) {
      const partial = await this.#openPartial();
      const wasHeld = partial.heldBytes > 0;
      try {
        await this.#download(partial);
        return { sha256: await partial.finish(), bytes: partial.heldBytes };
      } catch (error) {
        const isWrong = error instanceof DigestMismatch;
        if (isWrong || !partial.isResumable) await removePartial(this.#partialPath);
        if (!isWrong || !wasHeld) throw error;
      } finally {
        await partial.close();
      }
    }
  }

  async #download(partial: PartialFile): Promise<void> {
    const { reference, source, workFolder, order, tools } = this.#plan;
    const isWhole = order.sha256 !== undefined && order.bytes === partial.heldBytes;
    if (isWhole) return partial.resumeWhole();
    await rm(workFolder, { recursive: true, force: true });
    await mkdir(workFolder, { mode: 0o700 });
    const { environment, signal } = tools;
    await source.fetch({
      reference,
      target: partial,
      workFolder,
      environment,
      signal,
      report: (bytes, total) => this.#reportPackage(bytes, total),
    });
  }

  async #screen(): Promise<GgufSummary> {
    try {
      return await screenModelFile(this.#partialPath, { signal: this.#plan.tools.signal });
    } catch (error) {
      if (error instanceof PlinthError && error.code === 'invalid_model_file') await removePartial(this.#partialPath);
      throw error;
    }
  }

  #openPartial(): Promise<PartialFile> {
    const { reference, order, tools } = this.#plan;
    return PartialFile.open({
      filePath: this.#partialPath,
      reference,
      onBytes: (bytes, total) => this.#reportFile(bytes, total),
      ...(order.bytes === undefined ? {} : { expectedBytes: order.bytes }),
      ...(order.sha256 === undefined ? {} : { expectedSha256: order.sha256 }),
      ...(tools.readFreeBytes === undefined ? {} : { readFreeBytes: tools.readFreeBytes }),
    });
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
    const { observer, blobs } = this.#plan.tools;
    observer.report({ ...progress, source: this.#shown });
    observer.note(progressNoteOf(blobs, this.#plan.order.key));
  }

  #total(totalBytes: number | undefined): { totalBytes?: number } {
    return totalBytes === undefined ? {} : { totalBytes };
  }
}
