export { ReplicaProcess, type ReplicaProcessOptions } from './replica-process.ts';
export { MemoryWatch } from './resident-memory.ts';
export { ProcessorWait } from './processor-wait.ts';
export { openRunFolder, type RunFolder } from './run-folder.ts';
