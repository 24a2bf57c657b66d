import type { EvidenceRecords } from '../../../core/records/index.ts';
import type { BookDatabase } from '../schema/index.ts';
import { answers } from './answers.ts';
import { assignments } from './assignments.ts';
import { captures } from './captures.ts';
import { feedback } from './feedback.ts';
import { rolloutReports } from './rollout-reports.ts';

/** What is learnt from requests, in either database. */
export function evidenceRecords(database: BookDatabase): EvidenceRecords {
  return {
    ...answers(database),
    ...assignments(database),
    ...feedback(database),
    ...rolloutReports(database),
    ...captures(database),
  };
}
