import type { EvidenceRecords, LeaseRecords, ReleaseRecords } from '../../core/records/index.ts';
import type { Logger } from '../../core/telemetry/index.ts';

/** The parts of the book that experiments are kept in. */
export type ExperimentBook = Pick<
  ReleaseRecords,
  'change' | 'readReleases' | 'listExperiments' | 'noteExperimentEvidence' | 'watchReleases'
> &
  LeaseRecords &
  Pick<EvidenceRecords, 'noteAssignments' | 'countAssignments' | 'listAssignments' | 'readFeedback' | 'findAnswer'>;

/** What an experiment engine stands on. */
export interface ExperimentEngineOptions {
  readonly book: ExperimentBook;
  /** Unlike that of every other process of the book, also of this program's last run. */
  readonly holder: string;
  readonly logger: Logger;
  /** Unix milliseconds. */
  readonly now?: () => number;
  /** Time between two additions to the book. */
  readonly tickMs?: number;
}
