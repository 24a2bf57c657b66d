export { Placement, type PlacedModel, type PlacementListener, type PlacementOptions } from './placement.ts';
export { recordReplicaMetrics } from './record-replica-metrics.ts';
export { replicaError, type ReplicaEnd, type ReplicaTimes, type WarmingReplica } from './replica.ts';
export type { ReplacementReason, ReplicaReport } from './replica-report.ts';
export { openRunFolder, type RunFolder } from './processes/index.ts';
export { registerReplicaRoutes } from './register-replica-routes.ts';
