import type { EvidenceRecords, KeyRecords, LeaseRecords, ModelRecords, ReleaseRecords } from '../../core/records/index.ts';

/**
 * The durable record of models, keys, versions, traffic, rollouts, experiments and the audit log. Several processes may have the same book
 * open. Writes throw `model_unavailable` while a database that is shared cannot be reached; what a gateway serves from (keys, models,
 * releases and their revisions, versions of a model) is then read from memory, and no lease can be had. It catches up by itself.
 */
export interface Book extends ModelRecords, KeyRecords, ReleaseRecords, LeaseRecords, EvidenceRecords {
  readonly kind: 'sqlite' | 'postgresql';
  /** The database cannot be reached: reads are answered from the last known state. Never so for a book in a file. */
  isStale(): boolean;
  close(): Promise<void>;
}
