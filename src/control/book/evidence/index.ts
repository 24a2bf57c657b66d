export { evidenceRecords } from './evidence-records.ts';
