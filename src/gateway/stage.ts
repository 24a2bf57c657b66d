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
  /** Every choice of a version, the newest last: the first by traffic, the others by fallback. */
  routes?: RouteChoice[];
  /** The replicas that the last choice was among. */
  replicaScores?: ReadonlyArray<{
    readonly id: string;
    readonly inFlight: number;
    readonly slots: number;
    readonly hasFailed: boolean;
  }>;
  firstEventMs?: number;
  lastEventMs?: number;
  /** Events that carried output. */
  deltas: number;
  usage?: Usage;
  timings?: RequestTimings;
  /** Whether the answer was found among those of earlier requests; absent when nobody looked. */
  cache?: 'hit' | 'miss';
  failure?: ErrorCode;
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
  /** Set by balancing. */
  readonly replica?: RoutedReplica;
}

export type NextStage = (request: InferenceRequest, call: StageCall) => AsyncIterable<InferenceEvent>;

/** The one signature of the gateway: the answer flows back through the stages that the request came by. */
export type Stage = (request: InferenceRequest, call: StageCall, next: NextStage) => AsyncIterable<InferenceEvent>;
