import type { ModelRecord } from '../../core/records/index.ts';
import type { BlobFolder } from './blob-folder.ts';
import type { StoredModel } from './store-contract.ts';

const IN_PLACE = 'file:';

/** Whether the file is the user's own, served from where it lies. */
export function isInPlace(record: ModelRecord): boolean {
  return record.reference.startsWith(IN_PLACE);
}

/** What callers see of a record. */
export function toStoredModel(record: ModelRecord, blobs: BlobFolder): StoredModel {
  const { fileModifiedAtMs: _, ...facts } = record;
  const filePath = isInPlace(record) ? record.reference.slice(IN_PLACE.length) : blobs.pathOf(record.sha256);
  return { ...facts, filePath };
}
