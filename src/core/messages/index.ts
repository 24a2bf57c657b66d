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
  WireRequest,
  WireTensor,
} from './worker-messages.ts';
export type { LoadOverride, ModelRepository, RepositoryEntry } from './repository.ts';
export { isServing } from './snapshot.ts';
export { outcomeOf } from './outcome.ts';
export type {
  KeyVerifier,
  Principal,
  ReplicaState,
  RoutedModel,
  RoutedReplica,
  RoutingSnapshot,
  SnapshotSource,
  UpstreamAddress,
} from './snapshot.ts';
export type {
  EvidenceSink,
  Feedback,
  InferencePort,
  Observation,
  Outcome,
  OutputShape,
  ReceiptBook,
  SampledAnswer,
  ShadowComparison,
} from './evidence.ts';
