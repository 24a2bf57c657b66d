import { join } from 'node:path';
import type { ModelRecord } from '../../core/records/index.ts';
import type { BlobFolder } from './blob-folder.ts';
import type { StoredModel } from './store-contract.ts';

const IN_PLACE = 'file:';

/** Whether the files are the user's own, served from where they lie. */
function isInPlace(record: ModelRecord): boolean {
  return record.reference.startsWith(IN_PLACE);
}

/** What callers see of a record. */
export function toStoredModel(record: ModelRecord, blobs: BlobFolder): StoredModel {
  const { fileModifiedAtMs: _, files, ...facts } = record;
  const ownPath = isInPlace(record) ? record.reference.slice(IN_PLACE.length) : undefined;
  const main = files?.[0]?.path;
  if (files === undefined || main === undefined) return { ...facts, filePath: ownPath ?? blobs.pathOf(record.sha256) };
  const folderPath = ownPath === undefined ? blobs.folderOf(record.sha256) : folderOf(ownPath, main);
  const stored = files.map(({ path, sha256, bytes }) => ({ path, sha256, bytes }));
  return { ...facts, filePath: join(folderPath, main), folderPath, files: stored };
}

/** A reference names the graph itself or its folder. */
function folderOf(path: string, main: string): string {
  return path.endsWith(`/${main}`) ? path.slice(0, -main.length - 1) : path;
}

/** Digests of everything that the models keep in the store. */
export function keptDigests(records: readonly ModelRecord[]): ReadonlySet<string> {
  const stored = records.filter((record) => !isInPlace(record));
  return new Set(stored.flatMap((record) => record.files?.map((file) => file.sha256) ?? [record.sha256]));
}
