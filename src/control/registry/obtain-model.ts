import { createHash } from 'node:crypto';
import { access, constants, stat } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { PlinthError } from '../../core/errors/index.ts';
import type { ModelRecord } from '../../core/records/index.ts';
import { hashFile, readFileState, type BlobFolder, type FileState } from './blob-folder.ts';
import { catalog } from './catalog.ts';
import { withLock } from './download-lock.ts';
import { fetchModel, progressNoteOf } from './fetch-model.ts';
import { PullObserver } from './pull-observer.ts';
import { nameFromPath, resolveReference, withoutSecrets, type WantedModel } from './resolve-reference.ts';
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
  #records: readonly ModelRecord[] = [];

  constructor(plan: ObtainPlan) {
    this.#store = plan.store;
    this.#blobs = plan.blobs;
    this.#signal = plan.signal;
    this.#observer = new PullObserver(plan.watcher);
  }

  async run(reference: string): Promise<ObtainedModel> {
    this.#signal.throwIfAborted();
    await this.#readBook();
    const wanted = resolveReference(reference, this.#records);
    const model = wanted.type === 'in-place' ? await this.#takeInPlace(wanted) : await this.#takeStored(wanted);
    this.#observer.report({ phase: 'done', source: model.source, receivedBytes: model.bytes, totalBytes: model.bytes });
    return model;
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
        await this.#readBook();
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
    const source = this.#recordOf(wanted.reference)?.source ?? wanted.sources[0] ?? wanted.reference;
    return this.#record({ ...wanted, sha256, state, source, summary: await examined.screening });
  }

  async #fetch(wanted: WantedStored, key: string): Promise<ObtainedModel> {
    const known = this.#recordOf(wanted.reference);
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
    const known = this.#recordOf(reference);
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
    const known = this.#recordOf(found.reference);
    const licence = found.licence ?? found.summary.licence;
    const record: ModelRecord = {
      name: known?.name ?? this.#freeName(found.name, found.reference),
      reference: found.reference,
      sha256: found.sha256,
      bytes: found.state.bytes,
      source: found.source,
      ...(licence === undefined ? {} : { licence }),
      addedAt: known?.sha256 === found.sha256 ? known.addedAt : Date.now(),
      fileModifiedAtMs: found.state.modifiedAtMs,
    };
    if (!isDeepStrictEqual(known, record)) await this.#store.book.putModel(record);
    return { ...toStoredModel(record, this.#blobs), summary: found.summary };
  }

  /** A name of the catalog belongs to the catalog's model; one that another reference has gets a part of the reference's digest. */
  #freeName(name: string, reference: string): string {
    const isTaken = this.#records.some((record) => record.name === name) || catalog.some((entry) => entry.name === name);
    return isTaken && name !== reference ? `${name}-${digestOf(reference).slice(0, 8)}` : name;
  }

  #expectedSha256(wanted: WantedStored): string | undefined {
    return wanted.sha256 ?? this.#recordOf(wanted.reference)?.sha256;
  }

  #recordOf(reference: string): ModelRecord | undefined {
    return this.#records.find((record) => record.reference === reference);
  }

  async #readBook(): Promise<void> {
    this.#records = await this.#store.book.listModels();
  }
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
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
