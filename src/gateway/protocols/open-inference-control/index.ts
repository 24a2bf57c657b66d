export type { LogValues } from './log-settings.ts';
export { createOpenInference, type OpenInference, type OpenInferenceOptions, type PlatformMetadata } from './open-inference.ts';
export { loadModel, repositoryIndex, unloadModel, type RepositoryOrder } from './repository.ts';
export { refuseCudaMemory, type MemoryReference, type MemoryRegion, type SharedMemoryRegions } from './shared-memory.ts';
export { modelStatistics, type BatchStatisticsEntry, type ModelStatistics, type StatisticName } from './statistics.ts';
export type { TraceChange, TraceValues } from './trace-settings.ts';
