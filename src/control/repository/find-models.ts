import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { PlinthError } from '../../core/errors/index.ts';
import { isVersionName } from './choose-versions.ts';

/** A model that lies in a folder, not read yet. */
export interface FoundModel {
  readonly name: string;
  /** `versions`: a folder as Triton has it. `plain`: a folder with one model, or one file. */
  readonly layout: 'versions' | 'plain';
  /** Absolute path of the folder or file. */
  readonly path: string;
}

const MOST_MODELS = 10_000;
/** Files that tell that the folder around them is one model, whatever it is called. */
const MODEL_FILES = new Set(['config.json', 'tokenizer.json', 'preprocessor_config.json']);

/**
 * The models at a path: of a Triton model repository every model folder, whether it can be served or not; of a folder with one model
 * that one; of a folder with `.onnx` files each of them. Throws PlinthError `model_not_found` when the path does not exist.
 */
export async function findModels(path: string): Promise<readonly FoundModel[]> {
  const stats = await stat(path).catch(() => undefined);
  if (stats === undefined) throw new PlinthError({ code: 'model_not_found', message: `There is no file or folder ${path}.` });
  if (stats.isFile()) return [plainFile(path)];
  const listing = await readFolder(path);
  if (isVersioned(listing)) return [{ name: basename(path), layout: 'versions', path }];
  const [onnx, ...others] = listing.files.filter(isOnnx);
  if (await isPlainModel(path, listing)) return [{ name: basename(path), layout: 'plain', path }];
  if (onnx !== undefined && others.length === 0 && listing.folders.length === 0) return [plainFile(join(path, onnx))];
  return findInRepository(path, listing);
}

interface Listing {
  readonly files: readonly string[];
  readonly folders: readonly string[];
}

async function findInRepository(path: string, listing: Listing): Promise<readonly FoundModel[]> {
  const found = listing.files.filter(isOnnx).map((name): FoundModel => {
    return { name: stemOf(name), layout: 'plain', path: join(path, name) };
  });
  for (const name of listing.folders) {
    if (found.length >= MOST_MODELS) throw new PlinthError({ code: 'invalid_request', message: `${path} has too many models` });
    const folder = join(path, name);
    const inner = await readFolder(folder).catch((): Listing => ({ files: [], folders: [] }));
    const isPlain = !isVersioned(inner) && (inner.files.some(isOnnx) || (await isPlainModel(folder, inner)));
    found.push({ name, layout: isPlain ? 'plain' : 'versions', path: folder });
  }
  return found.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

async function readFolder(path: string): Promise<Listing> {
  const entries = (await readdir(path, { withFileTypes: true })).filter(({ name }) => !name.startsWith('.'));
  const kinds = await Promise.all(
    entries.map(async (entry) => {
      const isFolder = entry.isSymbolicLink()
        ? ((await stat(join(path, entry.name)).catch(() => undefined))?.isDirectory() ?? false)
        : entry.isDirectory();
      return { name: entry.name, isFolder };
    }),
  );
  const names = (isFolder: boolean) => kinds.filter((kind) => kind.isFolder === isFolder).map(({ name }) => name);
  return { files: names(false).toSorted(), folders: names(true).toSorted() };
}

function isVersioned({ files, folders }: Listing): boolean {
  return files.includes('config.pbtxt') || folders.some(isVersionName);
}

async function isPlainModel(path: string, { files, folders }: Listing): Promise<boolean> {
  if (!files.some((name) => MODEL_FILES.has(name))) return false;
  if (files.some(isOnnx)) return true;
  return folders.includes('onnx') && (await readFolder(join(path, 'onnx'))).files.some(isOnnx);
}

/** `model.onnx` says nothing; its folder's name does, unless that is a version. */
function plainFile(path: string): FoundModel {
  const stem = stemOf(path);
  const folder = dirname(path);
  const named = isVersionName(basename(folder)) ? dirname(folder) : folder;
  return { name: stem === 'model' ? basename(named) : stem, layout: 'plain', path };
}

function stemOf(path: string): string {
  return basename(path).slice(0, -extname(path).length || undefined);
}

function isOnnx(name: string): boolean {
  return name.toLowerCase().endsWith('.onnx');
}
