import type { ErrorCode } from '../core/errors/index.ts';
import type { InferenceEvent, InferenceRequest, RequestTimings, Usage } from '../core/inference/index.ts';
import type { Principal, RoutedModel, RoutedReplica } from '../core/messages/index.ts';
import type { ModelTraffic, RouteChoice } from '../core/traffic/index.ts';

/** What the stages write down about a request for its log line and the metrics. Never content. Times on `performance.now()`'s clock. */
export interface RequestRecord {
  readonly startedMs: number;
  model?: string | undefined;
  /** The version that answered last, and its arm where several share the model's requests. */
  version?: string | undefined;
  arm?: string | undefined;
  replicaId?: string | undefined;
  /** What was chosen before the request came down the path, so that it is chosen once. Kept and read by routing alone. */
  chosen?: readonly KeptChoice[] | undefined;
  /** Every choice of a version, the newest last: the first by traffic, the others by fallback. */
  routes?: RouteChoice[] | undefined;
  /** The replicas that the last choice was among. */
  replicaScores?:
    | ReadonlyArray<{
        readonly id: string;
        readonly inFlight: number;
        readonly slots: number;
        readonly hasFailed: boolean;
      }>
    | undefined;
  /** Replicas that the last choice left out before it looked at their work. */
  replicasPassedOver?: ReadonlyArray<{ readonly id: string; readonly because: string }> | undefined;
  /** When a replica was last given the request. */
  dispatchedMs?: number | undefined;
  /** The answer came from the replica in one piece, so that the times of its events tell nothing. */
  isFolded?: boolean | undefined;
  firstEventMs?: number | undefined;
  lastEventMs?: number | undefined;
  /** Events that carried output. */
  deltas: number;
  usage?: Usage | undefined;
  timings?: RequestTimings | undefined;
  /** Whether the answer was found among those of earlier requests; absent when nobody looked. */
  cache?: 'hit' | 'miss' | undefined;
  failure?: ErrorCode | undefined;
  /** Replicas of the version that was tried last that were lost while they worked on it, also when another one has answered since. */
  losses?: number | undefined;
  /** As `losses`, of the versions that were tried before. */
  earlierLosses?: number | undefined;
}

/**
 * The record of a request that begins now. All its fields are there from the start, most of them undefined, and what is taken back is set to
 * undefined again: every stage reads it, and V8 reads objects of one shape fastest.
 */
export function beginRecord(startedMs: number): RequestRecord {
  return {
    startedMs,
    model: undefined,
    version: undefined,
    arm: undefined,
    chosen: undefined,
    routes: undefined,
    earlierLosses: undefined,
    ...unanswered(),
  };
}

/** What attempts to answer write, before the first has begun. */
function unanswered(): Omit<RequestRecord, 'startedMs' | 'model' | 'version' | 'arm' | 'chosen' | 'routes' | 'earlierLosses'> {
  return {
    replicaId: undefined,
    replicaScores: undefined,
    replicasPassedOver: undefined,
    dispatchedMs: undefined,
    isFolded: undefined,
    firstEventMs: undefined,
    lastEventMs: undefined,
    deltas: 0,
    usage: undefined,
    timings: undefined,
    cache: undefined,
    failure: undefined,
    losses: undefined,
  };
}

/** Takes back what an attempt has written, before the next one: what was lost stays lost, but not by whoever answers. */
export function beginAttempt(record: RequestRecord): void {
  const { losses = 0, earlierLosses = 0 } = record;
  Object.assign(record, unanswered());
  if (losses > 0) record.earlierLosses = earlierLosses + losses;
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
  readonly traffic?: ModelTraffic | undefined;
  /** Set by routing: the model has other versions, too. */
  readonly hasSiblings?: boolean;
  /** Another version or model answers if this one cannot now: a replica that is not there is not waited for, or hardly. */
  readonly hasElsewhere?: boolean;
  /** Set by balancing. */
  readonly replica?: RoutedReplica;
}

export type NextStage = (request: InferenceRequest, call: StageCall) => AsyncIterable<InferenceEvent>;

/** The one signature of the gateway: the answer flows back through the stages that the request came by. */
export type Stage = (request: InferenceRequest, call: StageCall, next: NextStage) => AsyncIterable<InferenceEvent>;
