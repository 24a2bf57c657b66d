export type { FileRecord, KeyRecord, KeyRecords, ModelRecord, ModelRecords } from './record.ts';
