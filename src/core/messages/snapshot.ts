import type { ModelFacts } from '../models/index.ts';
import type { ModelTraffic } from '../traffic/index.ts';

/** loading → ready ⇄ unready → draining → unloaded; any → failed (and then replaced). */
export type ReplicaState = 'loading' | 'ready' | 'unready' | 'draining' | 'unloaded' | 'failed';

/** A replica as routing sees it. */
export interface RoutedReplica {
  readonly id: string;
  readonly state: ReplicaState;
  /** The unix socket on which it takes requests; empty for one that others run. */
  readonly socketPath: string;
  readonly slots: number;
  /** An endpoint that others run. */
  readonly upstream?: UpstreamAddress;
}

/** An endpoint of the OpenAI dialect that others run. */
export interface UpstreamAddress {
  /** `https://host/v1`, without the endpoint's own part. */
  readonly url: string;
  /** What the model is called there. */
  readonly model: string;
  /** The environment variable that holds its key. */
  readonly keyVariable?: string;
}

/** One version of a model with the replicas that answer for it. */
export interface RoutedModel {
  readonly name: string;
  /** Digits. Of several versions of a name the highest that is ready answers when neither request nor traffic say more. */
  readonly version: string;
  /** Unix seconds. */
  readonly createdAt: number;
  /** Absent until a replica has loaded once. */
  readonly facts?: ModelFacts;
  readonly replicas: readonly RoutedReplica[];
  /** Requests that may wait, over all replicas. */
  readonly queueLength: number;
  readonly queueTimeoutMs: number;
  /** Why the model has no ready replica, in words fit for a caller. */
  readonly failure?: string;
  /** No replica is on its way, and none will be within seconds: a request is refused at once instead of waiting. */
  readonly isHeld?: true;
}

/** Whether a model takes requests now. An ensemble, which has no replicas of its own, does when all of its steps do. */
export function isServing({ facts, failure, replicas }: RoutedModel): boolean {
  if (facts?.tensors?.config.ensembleSteps !== undefined) return failure === undefined;
  return replicas.some(({ state }) => state === 'ready');
}

/** The read-only routing table that control publishes to gateways. A gateway keeps the last one it got. */
export interface RoutingSnapshot {
  readonly revision: number;
  /** Something answers, and nothing is still on its first way up: a model that has failed keeps nobody from the others. */
  readonly isReady: boolean;
  readonly models: readonly RoutedModel[];
  /** By model; a model that is not listed has one version, or its highest answers. */
  readonly traffic?: readonly ModelTraffic[];
}

/** Where a gateway finds snapshots. */
export interface SnapshotSource {
  current(): RoutingSnapshot;
  /** Calls back on every change; returns the way to stop that. */
  subscribe(listener: (snapshot: RoutingSnapshot) => void): () => void;
}

/** The authenticated caller. */
export interface Principal {
  readonly keyId: string;
  readonly role: 'inference' | 'admin';
}

/** Tells whose a presented key is. */
export interface KeyVerifier {
  verify(presentedKey: string): Principal | undefined;
}
