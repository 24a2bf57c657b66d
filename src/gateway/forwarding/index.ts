export { createForward, type ForwardOptions } from './forward.ts';
export { ReplicaConnections, type ReplicaConnectionsOptions } from './replica-connections.ts';
export { Upstreams } from './upstreams/index.ts';
