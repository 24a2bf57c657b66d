import { createHash } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Edition } from '../catalog/index.ts';
import { chooseFiles, type FolderFile } from '../folders/index.ts';
import type { SourceFolder } from '../sources/index.ts';
import { FileTaker, type PlannedFile } from './file-taker.ts';
import { FolderProgress } from './folder-progress.ts';
import { demandFreeBytes } from './partial-file.ts';
import { trySources, withoutSecrets, type Attempt, type FetchTools } from './try-sources.ts';

/** More files than any model has. */
const MAX_FILES = 64;

export interface FolderOrder {
  /** What the model is called in messages. */
  readonly title: string;
  readonly editions: readonly Edition[];
  /** The beginning of the names of partial files; whoever orders holds the lock of this name. */
  readonly key: string;
  /** Digests that files must have, by path, from an earlier use of the same reference. */
  readonly known: ReadonlyMap<string, string>;
}

/** The first of the files is the graph that is loaded first. All lie in the store under their digests, unscreened. */
export interface FetchedFolder {
  readonly files: readonly FolderFile[];
  readonly source: string;
  /** What the source says the licence is. */
  readonly licence?: string;
}

/** Tries the editions in order until one yields all files: digests right, in their places in the store. */
export async function fetchFolder(order: FolderOrder, tools: FetchTools): Promise<FetchedFolder> {
  const { title, key, editions } = order;
  return trySources({ title, key, choices: editions, referenceOf: (edition) => edition.source }, tools, (attempt) =>
    fetchEdition(order, tools, attempt),
  );
}

async function fetchEdition(order: FolderOrder, tools: FetchTools, attempt: Attempt<Edition>): Promise<FetchedFolder> {
  const { choice, workFolder } = attempt;
  const source = withoutSecrets(choice.source);
  const progress = new FolderProgress({ tools, key: order.key, source });
  progress.begin(bytesOf(choice.files ?? []));
  await rm(workFolder, { recursive: true, force: true });
  await mkdir(workFolder, { mode: 0o700 });
  const folder = await openFolder(tools, attempt, progress);
  const planned = choice.files ?? choosePlanned(folder, choice.main, order.known);
  if (planned.length > MAX_FILES) throw new Error(`it has ${planned.length} files, at most ${MAX_FILES} make a model`);
  progress.begin(bytesOf(planned));
  const partialPathOf = (name: string) => join(tools.blobs.partialFolder, `${order.key}-${digestOf(name)}.part`);
  const taker = new FileTaker({ tools, folder, progress, reference: choice.source, workFolder, partialPathOf });
  const files = await taker.takeAll(planned);
  const { licence } = folder;
  return { files, source, ...(licence === undefined ? {} : { licence }) };
}

/** A source without folders offers the one file that it names. */
async function openFolder(tools: FetchTools, attempt: Attempt<Edition>, progress: FolderProgress): Promise<SourceFolder> {
  const { choice, source, workFolder } = attempt;
  const { environment, signal, blobs, readFreeBytes } = tools;
  const report = (bytes: number, total?: number) => progress.reportPackage(bytes, total);
  const head = { reference: choice.source, workFolder, environment, signal, report };
  if (source.openFolder === undefined) {
    const path = basename(source.readPath(choice.source) ?? '');
    return { files: [{ path }], fetch: (_path, target) => source.fetch({ ...head, target }) };
  }
  const demandSpace = (bytes: number) => demandFreeBytes(bytes, blobs.partialFolder, readFreeBytes);
  return source.openFolder({ ...head, expectedBytes: bytesOf(choice.files ?? []), demandSpace });
}

function choosePlanned(
  folder: SourceFolder,
  main: string | undefined,
  known: ReadonlyMap<string, string>,
): readonly PlannedFile[] {
  const offered = new Map(folder.files.map((file) => [file.path, file]));
  return chooseFiles(folder.files, main).map((file) => {
    const sha256 = known.get(file.path) ?? offered.get(file.from)?.sha256;
    return { ...offered.get(file.from), ...file, ...(sha256 === undefined ? {} : { sha256 }) };
  });
}

/** Of the files whose size is known before they come. */
function bytesOf(files: readonly PlannedFile[]): number {
  return files.reduce((sum, file) => {
    if ('convertedFrom' in file) return sum + file.convertedFrom.weights.bytes;
    return sum + ('from' in file ? (file.bytes ?? 0) : 0);
  }, 0);
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
