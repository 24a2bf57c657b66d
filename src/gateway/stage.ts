import type { ErrorCode } from '../core/errors/index.ts';
import type { InferenceEvent, InferenceRequest, RequestTimings, Usage } from '../core/inference/index.ts';
import type { Principal, RoutedModel, RoutedReplica } from '../core/messages/index.ts';
import type { ModelTraffic, RouteChoice } from '../core/traffic/index.ts';

/** What the stages write down about a request for its log line and the metrics. Never content. Times on `performance.now()`'s clock. */
export interface RequestRecord {
  readonly startedMs: number;
  model?: string;
  /** The version that answered last, and its arm where several share the model's requests. */
  version?: string;
  arm?: string;
  replicaId?: string;
  /** What was chosen before the request came down the path, so that it is chosen once. Kept and read by routing alone. */
  chosen?: readonly KeptChoice[];
  /** Every choice of a version, the newest last: the first by traffic, the others by fallback. */
  routes?: RouteChoice[];
  /** The replicas that the last choice was among. */
  replicaScores?: ReadonlyArray<{
    readonly id: string;
    readonly inFlight: number;
    readonly slots: number;
    readonly hasFailed: boolean;
  }>;
  /** Replicas that the last choice left out before it looked at their work. */
  replicasPassedOver?: ReadonlyArray<{ readonly id: string; readonly because: string }>;
  /** When a replica was last given the request. */
  dispatchedMs?: number;
  /** The answer came from the replica in one piece, so that the times of its events tell nothing. */
  isFolded?: boolean;
  firstEventMs?: number;
  lastEventMs?: number;
  /** Events that carried output. */
  deltas: number;
  usage?: Usage;
  timings?: RequestTimings;
  /** Whether the answer was found among those of earlier requests; absent when nobody looked. */
  cache?: 'hit' | 'miss';
  failure?: ErrorCode;
  /** Replicas that were lost while they worked on it, also when another one has answered since. */
  losses?: number;
}

/** A version that was chosen, and by which words it was asked for. */
export interface KeptChoice {
  readonly name: string;
  readonly version: string | undefined;
  readonly model: RoutedModel;
  readonly choice: RouteChoice;
}

/** What travels beside a request on its way through the stages. Stages add what they have found out. */
export interface StageCall {
  readonly requestId: string;
  readonly principal: Principal;
  /** Aborts when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  /** The answer must be complete by then, on `performance.now()`'s clock. */
  readonly deadlineMs: number;
  readonly record: RequestRecord;
  /** Nothing of the answer reaches the caller before its end, so lost work may be begun again even after events. */
  readonly isFolded?: boolean;
  /** Names of the ensembles that this request is a step of, the outermost first. */
  readonly ensembles?: readonly string[];
  /** What the request said of itself, lower-case; for rules and for what keeps requests together. */
  readonly headers?: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** `shadow`: a copy whose answer nobody gets. `inside`: asked for by control. Both are routed as they say and never copied or observed. */
  readonly origin?: 'caller' | 'shadow' | 'inside';
  /** Told of every choice of a version, before anything of the answer is out. */
  readonly onRouted?: (choice: RouteChoice) => void;
  /** Set by routing. */
  readonly model?: RoutedModel;
  /** Set by routing. */
  readonly route?: RouteChoice;
  /** Set by routing, where the model has traffic of its own. */
  readonly traffic?: ModelTraffic;
  /** Another version or model answers if this one cannot now: a replica that is not there is not waited for, or hardly. */
  readonly hasElsewhere?: boolean;
  /** Set by balancing. */
  readonly replica?: RoutedReplica;
}

export type NextStage = (request: InferenceRequest, call: StageCall) => AsyncIterable<InferenceEvent>;

/** The one signature of the gateway: the answer flows back through the stages that the request came by. */
export type Stage = (request: InferenceRequest, call: StageCall, next: NextStage) => AsyncIterable<InferenceEvent>;
