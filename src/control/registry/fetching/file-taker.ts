import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PlinthError } from '../../../core/errors/index.ts';
import { hashFile, readFileState } from '../blob-folder.ts';
import type { EditionFile } from '../catalog/index.ts';
import { convertWeights } from '../converting/index.ts';
import type { FolderFile } from '../folders/index.ts';
import type { DownloadTarget, SourceFolder } from '../sources/index.ts';
import { fetchFile } from './fetch-file.ts';
import type { FolderProgress } from './folder-progress.ts';
import { removePartial } from './partial-file.ts';
import type { FetchTools } from './try-sources.ts';

/** A file of a source's folder with whatever is known of it before it comes. */
export interface OfferedPart {
  readonly path: string;
  readonly from: string;
  readonly bytes?: number;
  readonly sha256?: string;
}

export type PlannedFile = EditionFile | OfferedPart;
type ConvertedFile = Extract<EditionFile, { convertedFrom: unknown }>;

export interface FileTakerOptions {
  readonly tools: FetchTools;
  readonly folder: SourceFolder;
  readonly progress: FolderProgress;
  /** Of the folder. */
  readonly reference: string;
  readonly workFolder: string;
  /** Where a file of the source grows. */
  readonly partialPathOf: (name: string) => string;
}

/** Brings the files of one edition into the store. */
export class FileTaker {
  readonly #options: FileTakerOptions;

  constructor(options: FileTakerOptions) {
    this.#options = options;
  }

  /** In the order given; what is made from other files is made last. */
  async takeAll(planned: readonly PlannedFile[]): Promise<readonly FolderFile[]> {
    const taken = new Map<string, FolderFile>();
    for (const file of planned) {
      if ('convertedFrom' in file) continue;
      taken.set(file.path, 'text' in file ? await this.#write(file.path, file.text) : await this.#fetch(file));
    }
    for (const file of planned) if ('convertedFrom' in file) taken.set(file.path, await this.#convert(file, taken));
    return planned.flatMap((file) => taken.get(file.path) ?? []);
  }

  async #fetch(file: OfferedPart): Promise<FolderFile> {
    const kept = await this.#findKept(file);
    return kept ?? this.#store(file, (target) => this.#options.folder.fetch(file.from, target));
  }

  async #write(path: string, text: string): Promise<FolderFile> {
    const content = Buffer.from(text);
    return this.#store({ path, from: path, bytes: content.length }, async (target) => {
      await target.start({ fromBytes: 0, totalBytes: content.length });
      await target.write(content);
    });
  }

  /** The weights come like any file, and are dropped once the graph is made. */
  async #convert(file: ConvertedFile, taken: ReadonlyMap<string, FolderFile>): Promise<FolderFile> {
    const { tools, folder, progress, workFolder, partialPathOf } = this.#options;
    const { weights, config } = file.convertedFrom;
    await this.#download({ path: file.path, ...weights }, (target) => folder.fetch(weights.from, target));
    progress.reportConversion();
    const outputPath = join(workFolder, 'converted.onnx');
    const weightsPath = partialPathOf(weights.from);
    const configPath = tools.blobs.pathOf(taken.get(config)?.sha256 ?? '');
    await convertWeights({ weightsPath, configPath, outputPath, workFolder, signal: tools.signal });
    const made = await this.#store({ path: file.path, from: file.path }, (target) => copyFrom(outputPath, target));
    await removePartial(weightsPath);
    return made;
  }

  async #store(file: OfferedPart, fill: (target: DownloadTarget) => Promise<void>): Promise<FolderFile> {
    const { sha256, bytes } = await this.#download(file, fill);
    const partialPath = this.#options.partialPathOf(file.from);
    await this.#options.tools.blobs.take(partialPath, sha256);
    await removePartial(partialPath);
    return { path: file.path, sha256, bytes };
  }

  async #download(file: OfferedPart, fill: (target: DownloadTarget) => Promise<void>): Promise<Omit<FolderFile, 'path'>> {
    const { tools, progress, reference, partialPathOf } = this.#options;
    const { from, bytes, sha256 } = file;
    const fetched = await fetchFile({
      partialPath: partialPathOf(from),
      reference: `${reference} ${from}`,
      ...(bytes === undefined ? {} : { bytes }),
      ...(sha256 === undefined ? {} : { sha256 }),
      ...(tools.readFreeBytes === undefined ? {} : { readFreeBytes: tools.readFreeBytes }),
      fill,
      onBytes: (held) => progress.reportFile(held),
    }).catch((error: unknown) => {
      if (error instanceof PlinthError || tools.signal.aborted || !(error instanceof Error)) throw error;
      throw new Error(`${from}: ${error.message}`, { cause: error });
    });
    progress.finishFile(fetched.bytes);
    tools.signal.throwIfAborted();
    return fetched;
  }

  /** The same bytes may be there for another model. */
  async #findKept({ path, sha256 }: OfferedPart): Promise<FolderFile | undefined> {
    if (sha256 === undefined) return undefined;
    const { tools, progress } = this.#options;
    const filePath = tools.blobs.pathOf(sha256);
    const state = await readFileState(filePath);
    if (state === undefined) return undefined;
    if ((await hashFile(filePath, { signal: tools.signal, onBytes: () => undefined })) !== sha256) return undefined;
    progress.finishFile(state.bytes);
    return { path, sha256, bytes: state.bytes };
  }
}

async function copyFrom(filePath: string, target: DownloadTarget): Promise<void> {
  await target.start({ fromBytes: 0, totalBytes: (await stat(filePath)).size });
  for await (const chunk of createReadStream(filePath, { highWaterMark: 1024 * 1024 })) {
    if (chunk instanceof Uint8Array) await target.write(chunk);
  }
}
