export { auditDigest } from './audit-log.ts';
export { keyRecords, readKeys, readKeySecret } from './key-records.ts';
export { leaseRecords } from './lease-records.ts';
export { modelRecords, readModels } from './model-records.ts';
export { readExperiments, readLines, readRollouts, readVersions } from './read-releases.ts';
export { releaseRecords } from './release-records.ts';
export { raise, readRevision, readRevisions, type Revisions } from './revisions.ts';
export { bounded, plain, readDocument, writeDocument } from './row-values.ts';
