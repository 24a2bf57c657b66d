export type { KeyRecord, KeyRecords, ModelRecord, ModelRecords } from './record.ts';
