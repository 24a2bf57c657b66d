import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { PlinthError } from '../../core/errors/index.ts';
import type { TaskName } from '../../core/models/index.ts';
import type { FileRecord, ModelRecord } from '../../core/records/index.ts';
import { hashFile, readFileState, type BlobFolder } from './blob-folder.ts';
import { digestOf, type BookEntries } from './book-entries.ts';
import { fetchFolder, progressNoteOf, withLock, withoutSecrets, type PullObserver } from './fetching/index.ts';
import { buildFolder, chooseFiles, chooseTask, digestFiles, isBuilt, listFolder, type FolderFile } from './folders/index.ts';
import { nameFromPath, type WantedModel } from './resolve-reference.ts';
import { screenOnnxFile } from './screening/index.ts';
import type { ModelStoreOptions, ObtainedModel } from './store-contract.ts';
import { keptDigests, toStoredModel } from './stored-model.ts';

/** Files up to this size are hashed at every obtain, larger ones only when their size or modification time changed. */
const ALWAYS_HASHED_BYTES = 1024 ** 3;
const MAX_CONFIG_BYTES = 4 * 1024 * 1024;

type WantedInPlace = Extract<WantedModel, { type: 'in-place' }>;
type WantedFolder = Extract<WantedModel, { type: 'folder' }>;

interface FolderObtainOptions {
  readonly store: ModelStoreOptions;
  readonly blobs: BlobFolder;
  readonly signal: AbortSignal;
  readonly observer: PullObserver;
  readonly entries: BookEntries;
}

/** The part of an obtain that is about models of several files. */
export class FolderObtain {
  readonly #options: FolderObtainOptions;

  constructor(options: FolderObtainOptions) {
    this.#options = options;
  }

  /** The user's own folder, or a graph in it, with what belongs to it. */
  async takeInPlace({ reference, filePath }: WantedInPlace): Promise<ObtainedModel> {
    const root = await rootOf(filePath);
    const chosen = await chooseOwn(root, filePath);
    const known = this.#options.entries.recordOf(reference)?.files ?? [];
    const files = await this.#hashAll(reference, {
      files: chosen.map(({ path }) => ({ path, filePath: join(root, path) })),
      known,
    });
    await this.#screen(root, files);
    const task = chooseTask(pathsOf(files), await readConfig(root));
    const name = nameFromPath(filePath === root ? join(root, 'model.onnx') : filePath);
    return this.#record({ reference, name, files, source: reference, task });
  }

  async takeStored(wanted: WantedFolder): Promise<ObtainedModel> {
    const { blobs, signal, observer, entries } = this.#options;
    const kept = await this.#findKept(wanted);
    if (kept !== undefined) return kept;
    const key = `folder-${digestOf(wanted.reference)}`;
    return withLock(blobs.lockFolder, key, {
      signal,
      onWait: () => observer.reportWaiting(progressNoteOf(blobs, key), withoutSecrets(wanted.reference)),
      work: async () => {
        await entries.read();
        return (await this.#findKept(wanted)) ?? (await this.#fetch(wanted, key));
      },
    });
  }

  /** The files that are there already, when all are whole and of an edition that still counts. */
  async #findKept(wanted: WantedFolder): Promise<ObtainedModel | undefined> {
    const record = this.#options.entries.recordOf(wanted.reference);
    if (record?.files === undefined || !isOfEdition(record, wanted)) return undefined;
    const { blobs, store } = this.#options;
    const places = record.files.map(({ path, sha256 }) => ({ path, filePath: blobs.pathOf(sha256) }));
    const states = await Promise.all(places.map(({ filePath }) => readFileState(filePath)));
    if (states.includes(undefined)) return undefined;
    const files = await this.#hashAll(wanted.reference, { files: places, known: record.files });
    if (files.every((file, index) => file.sha256 === record.files?.[index]?.sha256))
      return this.#finish(wanted, { files, source: record.source, ...licenceOf(record) });
    store.logger.warn({ model: wanted.name }, 'a stored model file is damaged and is fetched again');
    return undefined;
  }

  async #fetch(wanted: WantedFolder, key: string): Promise<ObtainedModel> {
    const { blobs, signal, observer, entries, store } = this.#options;
    const record = entries.recordOf(wanted.reference);
    // A file of the catalog has its digest there; what was trusted on first use must stay the same.
    const trusted = wanted.known === undefined ? (record?.files ?? []) : [];
    const { logger, environment = process.env, readFreeBytes } = store;
    const fetched = await fetchFolder(
      {
        title: withoutSecrets(wanted.reference),
        editions: wanted.editions,
        key,
        known: new Map(trusted.map(({ path, sha256 }) => [path, sha256])),
      },
      { blobs, observer, logger, environment, signal, ...(readFreeBytes === undefined ? {} : { readFreeBytes }) },
    );
    const files = await Promise.all(
      fetched.files.map(async (file) => {
        const state = await readFileState(blobs.pathOf(file.sha256));
        return { ...file, modifiedAtMs: state?.modifiedAtMs ?? 0 };
      }),
    );
    return this.#finish(wanted, { ...fetched, files });
  }

  /** Everything is in the store: lays it out as a folder, screens it there and notes it. */
  async #finish(
    wanted: WantedFolder,
    found: { readonly files: readonly FileRecord[]; readonly source: string; readonly licence?: string },
  ): Promise<ObtainedModel> {
    const folder = await this.#layOut(found.files);
    try {
      await this.#screen(folder, found.files);
    } catch (error) {
      if (error instanceof PlinthError && error.code === 'invalid_model_file') await this.#drop(found.files);
      throw error;
    }
    const task = wanted.known?.task ?? chooseTask(pathsOf(found.files), await readConfig(folder));
    const licence = wanted.known?.licence ?? found.licence;
    const { reference, name } = wanted;
    return this.#record({ ...found, reference, name, task, ...(licence === undefined ? {} : { licence }) });
  }

  async #layOut(files: readonly FolderFile[]): Promise<string> {
    const { blobs, signal } = this.#options;
    const sha256 = digestFiles(files);
    const folder = blobs.folderOf(sha256);
    await withLock(blobs.lockFolder, `layout-${sha256}`, {
      signal,
      onWait: async () => undefined,
      work: async () => {
        const plan = { folder, files, pathOf: blobs.pathOf };
        const hash = (filePath: string) => hashFile(filePath, { signal, onBytes: () => undefined });
        if (!(await isBuilt(plan, hash))) await buildFolder(plan, join(blobs.partialFolder, `${sha256}.folder`));
      },
    });
    return folder;
  }

  /** What was refused is not kept, save what other models have too. */
  async #drop(files: readonly FolderFile[]): Promise<void> {
    const { blobs, entries } = this.#options;
    await blobs.removeFolder(digestFiles(files));
    const kept = keptDigests(entries.records);
    for (const { sha256 } of files) if (!kept.has(sha256)) await blobs.remove(sha256);
  }

  async #screen(folder: string, files: readonly FolderFile[]): Promise<void> {
    const graphs = files.filter((file) => file.path.endsWith('.onnx'));
    for (const { path } of graphs) await screenOnnxFile(join(folder, path), { signal: this.#options.signal });
  }

  async #hashAll(
    reference: string,
    wanted: {
      readonly files: ReadonlyArray<{ readonly path: string; readonly filePath: string }>;
      readonly known: readonly FileRecord[];
    },
  ): Promise<readonly FileRecord[]> {
    const { observer, signal } = this.#options;
    const states = await Promise.all(wanted.files.map(({ filePath }) => readFileState(filePath)));
    const totalBytes = states.reduce((sum, state) => sum + (state?.bytes ?? 0), 0);
    const source = withoutSecrets(reference);
    const hashed: FileRecord[] = [];
    let done = 0;
    for (const [index, { path, filePath }] of wanted.files.entries()) {
      const state = states[index];
      if (state === undefined) throw notThere(filePath);
      const known = wanted.known.find((file) => file.path === path);
      const isUnchanged = known?.bytes === state.bytes && known.modifiedAtMs === state.modifiedAtMs;
      const onBytes = (bytes: number) => observer.report({ phase: 'verifying', source, receivedBytes: done + bytes, totalBytes });
      onBytes(0);
      const isTrusted = isUnchanged && state.bytes > ALWAYS_HASHED_BYTES;
      const sha256 = isTrusted ? known.sha256 : await hashFile(filePath, { signal, onBytes });
      hashed.push({ path, sha256, ...state });
      done += state.bytes;
    }
    return hashed;
  }

  async #record(found: {
    readonly reference: string;
    readonly name: string;
    readonly files: readonly FileRecord[];
    readonly source: string;
    readonly task: TaskName;
    readonly licence?: string;
  }): Promise<ObtainedModel> {
    const { blobs, entries } = this.#options;
    const { reference, name, files, source, task, licence } = found;
    const record = await entries.put({
      name,
      reference,
      engine: 'onnx',
      task,
      sha256: digestFiles(files),
      bytes: files.reduce((sum, file) => sum + file.bytes, 0),
      files,
      source,
      ...(licence === undefined ? {} : { licence }),
      fileModifiedAtMs: 0,
    });
    return toStoredModel(record, blobs);
  }
}

/** Of a catalog entry whose editions have changed since, what an edition pinned then may not be what it pins now. */
function isOfEdition(record: ModelRecord, wanted: WantedFolder): boolean {
  if (wanted.known === undefined) return true;
  const edition = wanted.editions.find((one) => one.source === record.source);
  const pinned = (edition?.files ?? []).flatMap((file) => ('sha256' in file ? [file] : []));
  const digests = new Map(record.files?.map((file) => [file.path, file.sha256]));
  return edition !== undefined && pinned.every((file) => digests.get(file.path) === file.sha256);
}

function licenceOf({ licence }: ModelRecord): { licence?: string } {
  return licence === undefined ? {} : { licence };
}

function pathsOf(files: readonly FolderFile[]): readonly string[] {
  return files.map((file) => file.path);
}

/** The folder itself, or that of the model that the graph is of. */
async function rootOf(path: string): Promise<string> {
  const stats = await stat(path).catch(() => undefined);
  if (stats === undefined) throw notThere(path);
  if (stats.isDirectory()) return path;
  const folder = dirname(path);
  return basename(folder) === 'onnx' ? dirname(folder) : folder;
}

async function chooseOwn(root: string, path: string): Promise<ReturnType<typeof chooseFiles>> {
  try {
    const candidates = await listFolder(root);
    return path === root ? chooseFiles(candidates) : chooseFiles(candidates, path.slice(root.length + 1));
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'it cannot be read';
    throw new PlinthError({ code: 'model_not_found', message: `${path} is no model: ${reason}` }, { cause: error });
  }
}

async function readConfig(folder: string): Promise<unknown> {
  const filePath = join(folder, 'config.json');
  const state = await readFileState(filePath);
  if (state === undefined || state.bytes > MAX_CONFIG_BYTES) return undefined;
  try {
    return JSON.parse(await readFile(filePath, 'utf8')) as unknown;
  } catch {
    return undefined;
  }
}

function notThere(path: string): PlinthError {
  return new PlinthError({ code: 'model_not_found', message: `there is no model file ${path}` });
}
