export { ReplicaProcess, type ReplicaProcessOptions } from './replica-process.ts';
export { MEMORY_POLL_MS, readResidentBytes } from './resident-memory.ts';
export { openRunFolder, type RunFolder } from './run-folder.ts';
