export { createForward } from './forward.ts';
export { ReplicaConnections, type ReplicaConnectionsOptions } from './replica-connections.ts';
