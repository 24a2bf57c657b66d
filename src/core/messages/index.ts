export type {
  BodyRange,
  Delivery,
  FromReplica,
  FromWorker,
  ReplicaProgress,
  StreamId,
  ToReplica,
  ToWorker,
  WireEvent,
} from './worker-messages.ts';
export type {
  KeyVerifier,
  Principal,
  ReplicaState,
  RoutedModel,
  RoutedReplica,
  RoutingSnapshot,
  SnapshotSource,
} from './snapshot.ts';
