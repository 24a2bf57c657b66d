import { homedir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nearestNames } from '../../core/collections/index.ts';
import { PlinthError } from '../../core/errors/index.ts';
import type { TaskName } from '../../core/models/index.ts';
import type { ModelRecord } from '../../core/records/index.ts';
import { catalog, type CatalogEntry, type Edition } from './catalog/index.ts';
import { withoutSecrets } from './fetching/index.ts';
import { sources, type Source } from './sources/index.ts';

/** What a reference asks for. */
export type WantedModel =
  | { readonly type: 'in-place'; readonly reference: string; readonly filePath: string }
  | {
      readonly type: 'stored';
      readonly reference: string;
      /** The name that it gets when nothing else has it. */
      readonly name: string;
      readonly sources: readonly string[];
      readonly bytes?: number;
      readonly sha256?: string;
      readonly licence?: string;
    }
  | {
      readonly type: 'folder';
      readonly reference: string;
      readonly name: string;
      readonly editions: readonly Edition[];
      /** What the catalog says. */
      readonly known?: { readonly licence: string; readonly task: TaskName };
    };

/** Throws `invalid_request` for a malformed reference and `model_not_found`, with the nearest names, for an unknown name. */
export function resolveReference(reference: string, records: readonly ModelRecord[]): WantedModel {
  const entry = catalog.find((candidate) => candidate.name === reference);
  if (entry !== undefined) return fromCatalog(entry);
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(reference)?.[1]?.toLowerCase();
  if (scheme === 'file') return inPlace(readFileReference(reference));
  if (scheme !== undefined) return fromSource(reference, scheme === 'http' ? 'https' : scheme);
  const stored = records.find((record) => record.name === reference);
  if (stored !== undefined) return resolveReference(stored.reference, []);
  if (isPath(reference)) return inPlace(reference);
  const near = nearestNames(reference, [...new Set([...catalog, ...records].map((known) => known.name))]);
  const hint =
    near.length === 0
      ? 'give a path to a .gguf file or to the folder of an ONNX model, or a reference like hf:org/repo/file.gguf'
      : `nearest: ${near.join(', ')}`;
  throw new PlinthError({ code: 'model_not_found', message: `no model is named ${JSON.stringify(reference)}; ${hint}` });
}

const NAMELESS = /^(?:model|encoder_model)(?:_[a-z0-9]+)?$/;

/** The file's name without its ending; of `model.onnx` and its like the name of the folder that it is the model of. */
export function nameFromPath(filePath: string): string {
  const stem = basename(filePath).replace(/\.(?:gguf|onnx)$/i, '');
  const folder = dirname(filePath);
  const isNameless = NAMELESS.test(stem) && basename(folder) !== '';
  const name = isNameless ? basename(basename(folder) === 'onnx' ? dirname(folder) : folder) : stem;
  return (
    name
      .replace(/[^A-Za-z0-9._-]+/g, '-')
      .replace(/^[^A-Za-z0-9]+/, '')
      .slice(0, 100) || 'model'
  );
}

function fromCatalog(entry: CatalogEntry): WantedModel {
  const { name, bytes, licence, task } = entry;
  if ('editions' in entry) return { type: 'folder', reference: name, name, editions: entry.editions, known: { licence, task } };
  const { sha256 } = entry;
  return { type: 'stored', reference: name, name, sources: entry.sources, bytes, sha256, licence };
}

function fromSource(reference: string, scheme: string): WantedModel {
  const source = sources.find((candidate) => candidate.scheme === scheme);
  if (source === undefined) {
    const known = [...sources.map((candidate) => candidate.form), 'file:/path/file.gguf'].join(', ');
    throw new PlinthError({
      code: 'invalid_request',
      message: `${JSON.stringify(withoutSecrets(reference))} is no known kind of reference: ${known}`,
    });
  }
  const path = source.readPath(reference);
  const isGraph = path === undefined || path.toLowerCase().endsWith('.onnx');
  const wanted = isGraph
    ? fromFolder(source, reference, path)
    : ({ type: 'stored', reference, name: nameFromPath(path), sources: [reference] } as const);
  if (wanted !== undefined) return wanted;
  throw new PlinthError({
    code: 'invalid_request',
    message: `${JSON.stringify(withoutSecrets(reference))} is malformed, expected ${source.form}`,
  });
}

/** A graph with what lies around it, or the one model of a folder. */
function fromFolder(source: Source, reference: string, path: string | undefined): WantedModel | undefined {
  const folder = source.readFolder?.(reference);
  if (folder !== undefined) {
    const main = folder.path === undefined ? {} : { main: folder.path };
    return { type: 'folder', reference, name: nameFromPath(folder.name), editions: [{ source: folder.folder, ...main }] };
  }
  return path === undefined
    ? undefined
    : { type: 'folder', reference, name: nameFromPath(path), editions: [{ source: reference }] };
}

function readFileReference(reference: string): string {
  if (!reference.startsWith('file://')) return reference.slice('file:'.length);
  try {
    return fileURLToPath(reference);
  } catch {
    throw new PlinthError({
      code: 'invalid_request',
      message: `${JSON.stringify(reference)} is malformed, expected file:///path/file.gguf`,
    });
  }
}

function isPath(reference: string): boolean {
  return /^(?:\.{0,2}[/\\]|~[/\\]|[A-Za-z]:[/\\])/.test(reference) || /\.(?:gguf|onnx)$/i.test(reference);
}

function inPlace(path: string): WantedModel {
  const filePath = resolve(/^~[/\\]/.test(path) ? join(homedir(), path.slice(2)) : path);
  return { type: 'in-place', reference: `file:${filePath}`, filePath };
}
