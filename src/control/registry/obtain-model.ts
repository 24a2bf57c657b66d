import { access, constants, stat } from 'node:fs/promises';
import { PlinthError } from '../../core/errors/index.ts';
import { hashFile, readFileState, type BlobFolder, type FileState } from './blob-folder.ts';
import { BookEntries, digestOf } from './book-entries.ts';
import { fetchModel, progressNoteOf, PullObserver, withLock, withoutSecrets } from './fetching/index.ts';
import { FolderObtain } from './obtain-folder.ts';
import { nameFromPath, resolveReference, type WantedModel } from './resolve-reference.ts';
import { screenModelFile, type GgufSummary } from './screening/index.ts';
import type { ModelStoreOptions, ObtainedModel, ObtainOptions } from './store-contract.ts';
import { toStoredModel } from './stored-model.ts';

/** Files up to this size are hashed at every obtain, larger ones only when their size or modification time changed. */
const ALWAYS_HASHED_BYTES = 1024 ** 3;

type WantedInPlace = Extract<WantedModel, { type: 'in-place' }>;
type WantedStored = Extract<WantedModel, { type: 'stored' }>;

export interface ObtainPlan {
  readonly store: ModelStoreOptions;
  readonly blobs: BlobFolder;
  readonly signal: AbortSignal;
  readonly watcher: ObtainOptions;
}

interface Examined extends FileState {
  readonly sha256: string;
  readonly screening: Promise<GgufSummary>;
}

/** One call of obtain. */
export class ObtainModel {
  readonly #store: ModelStoreOptions;
  readonly #blobs: BlobFolder;
  readonly #signal: AbortSignal;
  readonly #observer: PullObserver;
  readonly #entries: BookEntries;

  constructor(plan: ObtainPlan) {
    this.#store = plan.store;
    this.#blobs = plan.blobs;
    this.#signal = plan.signal;
    this.#observer = new PullObserver(plan.watcher);
    this.#entries = new BookEntries(plan.store.book);
  }

  async run(reference: string): Promise<ObtainedModel> {
    this.#signal.throwIfAborted();
    await this.#entries.read();
    const model = await this.#take(resolveReference(reference, this.#entries.records));
    this.#observer.report({ phase: 'done', source: model.source, receivedBytes: model.bytes, totalBytes: model.bytes });
    return model;
  }

  async #take(wanted: WantedModel): Promise<ObtainedModel> {
    if (wanted.type === 'stored') return this.#takeStored(wanted);
    const folderObtain = new FolderObtain({
      store: this.#store,
      blobs: this.#blobs,
      signal: this.#signal,
      observer: this.#observer,
      entries: this.#entries,
    });
    if (wanted.type === 'folder') return folderObtain.takeStored(wanted);
    return (await isGraphOrFolder(wanted.filePath)) ? folderObtain.takeInPlace(wanted) : this.#takeInPlace(wanted);
  }

  async #takeInPlace(wanted: WantedInPlace): Promise<ObtainedModel> {
    const state = await readFileState(wanted.filePath);
    const obstacle = await findObstacle(wanted.filePath);
    if (state === undefined || obstacle !== undefined)
      throw new PlinthError({ code: 'model_not_found', message: obstacle ?? `there is no model file ${wanted.filePath}` });
    const { reference, filePath } = wanted;
    const { sha256, screening } = await this.#examine(filePath, state, reference);
    const summary = await screening;
    return this.#record({ reference, name: nameFromPath(filePath), sha256, state, source: reference, summary });
  }

  async #takeStored(wanted: WantedStored): Promise<ObtainedModel> {
    const kept = await this.#findKept(wanted);
    if (kept !== undefined) return kept;
    const sha256 = this.#expectedSha256(wanted);
    const key = sha256 === undefined ? `reference-${digestOf(wanted.reference)}` : `sha256-${sha256}`;
    return withLock(this.#blobs.lockFolder, key, {
      signal: this.#signal,
      onWait: () => this.#observer.reportWaiting(progressNoteOf(this.#blobs, key), withoutSecrets(wanted.reference)),
      work: async () => {
        await this.#entries.read();
        return (await this.#findKept(wanted)) ?? (await this.#fetch(wanted, key));
      },
    });
  }

  /** The file that is there already, when it is whole. */
  async #findKept(wanted: WantedStored): Promise<ObtainedModel | undefined> {
    const sha256 = this.#expectedSha256(wanted);
    if (sha256 === undefined) return undefined;
    const filePath = this.#blobs.pathOf(sha256);
    const state = await readFileState(filePath);
    if (state === undefined) return undefined;
    const examined = await this.#examine(filePath, state, wanted.reference);
    if (examined.sha256 !== sha256) {
      this.#store.logger.warn({ model: wanted.name }, 'a stored model file is damaged and is fetched again');
      return undefined;
    }
    const source = this.#entries.recordOf(wanted.reference)?.source ?? wanted.sources[0] ?? wanted.reference;
    return this.#record({ ...wanted, sha256, state, source, summary: await examined.screening });
  }

  async #fetch(wanted: WantedStored, key: string): Promise<ObtainedModel> {
    const known = this.#entries.recordOf(wanted.reference);
    const sha256 = this.#expectedSha256(wanted);
    const bytes = wanted.bytes ?? (known?.sha256 === sha256 ? known?.bytes : undefined);
    const { logger, environment = process.env, readFreeBytes } = this.#store;
    const fetched = await fetchModel(
      {
        title: withoutSecrets(wanted.reference),
        references: wanted.sources,
        key,
        ...(bytes === undefined ? {} : { bytes }),
        ...(sha256 === undefined ? {} : { sha256 }),
      },
      {
        blobs: this.#blobs,
        observer: this.#observer,
        logger,
        environment,
        signal: this.#signal,
        ...(readFreeBytes === undefined ? {} : { readFreeBytes }),
      },
    );
    const state = (await readFileState(fetched.filePath)) ?? { bytes: fetched.bytes, modifiedAtMs: 0 };
    return this.#record({ ...wanted, ...fetched, state });
  }

  /** Digest and header of a file, worked out side by side. The digest decides whether the header matters. */
  async #examine(filePath: string, state: FileState, reference: string): Promise<Examined> {
    const screening = screenModelFile(filePath, { signal: this.#signal });
    screening.catch(() => undefined);
    const known = this.#entries.recordOf(reference);
    const isUnchanged = known?.bytes === state.bytes && known.fileModifiedAtMs === state.modifiedAtMs;
    if (isUnchanged && state.bytes > ALWAYS_HASHED_BYTES) return { ...state, sha256: known.sha256, screening };
    const onBytes = (receivedBytes: number) =>
      this.#observer.report({ phase: 'verifying', source: withoutSecrets(reference), receivedBytes, totalBytes: state.bytes });
    onBytes(0);
    return { ...state, sha256: await hashFile(filePath, { signal: this.#signal, onBytes }), screening };
  }

  /** Notes in the book what is new, and answers the caller. */
  async #record(found: {
    readonly reference: string;
    readonly name: string;
    readonly sha256: string;
    readonly state: FileState;
    readonly source: string;
    readonly summary: GgufSummary;
    readonly licence?: string;
  }): Promise<ObtainedModel> {
    const { reference, name, sha256, source, state, summary } = found;
    const licence = found.licence ?? summary.licence;
    const record = await this.#entries.put({
      name,
      reference,
      engine: 'llama',
      task: 'generate',
      sha256,
      bytes: state.bytes,
      source,
      ...(licence === undefined ? {} : { licence }),
      fileModifiedAtMs: state.modifiedAtMs,
    });
    return { ...toStoredModel(record, this.#blobs), summary };
  }

  #expectedSha256(wanted: WantedStored): string | undefined {
    return wanted.sha256 ?? this.#entries.recordOf(wanted.reference)?.sha256;
  }
}

async function isGraphOrFolder(path: string): Promise<boolean> {
  if (/\.onnx$/i.test(path)) return true;
  if (path === '/') return false;
  return stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}

/** Why a file that the user named cannot be read, in words; undefined when it can. */
async function findObstacle(filePath: string): Promise<string | undefined> {
  try {
    await access(filePath, constants.R_OK);
    return (await stat(filePath)).isFile() ? undefined : `${filePath} is not a file`;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    return code === 'ENOENT' ? `there is no model file ${filePath}` : `the model file ${filePath} cannot be read (${code})`;
  }
}
