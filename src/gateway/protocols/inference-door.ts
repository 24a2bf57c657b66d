import type { FastifyRequest } from 'fastify';
import type { InferenceEvent, InferenceRequest } from '../../core/inference/index.ts';
import type { Feedback, ModelRepository, Principal, RoutedModel } from '../../core/messages/index.ts';
import type { RouteChoice } from '../../core/traffic/index.ts';

/** One inference call under way: who asks, until when, and whether anybody still waits. Made by the gateway before a body is read. */
export interface Call {
  /** Also the `x-request-id` of the answer. */
  readonly requestId: string;
  readonly principal: Principal;
  /** Aborts when the connection closes before the answer is complete, when the deadline passes and when the gateway stops. */
  readonly signal: AbortSignal;
  /** Monotonic: comparable with `performance.now()`. */
  readonly deadlineMs: number;
  /**
   * Nothing of the answer is sent before its end. Events then come all together at the end, and work that is lost with its replica is
   * begun again even when it had produced some.
   */
  readonly isFolded?: boolean;
  /** What the request said of itself, lower-case names. */
  readonly headers?: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Who answers, as far as it is known; another version than the one that was chosen once that could not. */
  readonly record?: {
    readonly model?: string | undefined;
    readonly version?: string | undefined;
    readonly arm?: string | undefined;
  };
}

/** The model that a request names, and what may decide which version of it answers. */
export interface Wanted {
  /** `name`, `name:3` or `name@alias`. */
  readonly name: string;
  /** Digits; where a dialect names the version apart. */
  readonly version?: string | undefined;
  /** As a function, where it depends on the model, only asked for when a rule wants it. */
  readonly kind: InferenceRequest['kind'] | (() => InferenceRequest['kind']);
  /** What tells one conversation from another; only asked for when traffic wants it; empty for none. */
  readonly conversation?: () => string;
  /** Characters of all prompts; only asked for when a rule wants it. */
  readonly promptCharacters?: () => number;
}

/** A chosen version, and why. */
export interface Chosen {
  readonly model: RoutedModel;
  readonly choice: RouteChoice;
}

/** How often something happened and how long it took in all. */
export interface Tally {
  readonly count: number;
  readonly ns: number;
}

/** What has been counted for one version of a model since it was first asked. */
export interface VersionStatistics {
  /** Unix milliseconds; 0 before the first. */
  readonly lastInferenceMs: number;
  /** Rows that were computed; answers from the cache are not among them. */
  readonly inferenceCount: number;
  /** Batches that were executed. */
  readonly executionCount: number;
  readonly success: Tally;
  readonly fail: Tally;
  readonly queue: Tally;
  readonly computeInput: Tally;
  readonly computeInfer: Tally;
  readonly computeOutput: Tally;
  readonly cacheHit: Tally;
  readonly cacheMiss: Tally;
  /** Executions by the rows of their batch. */
  readonly batches: ReadonlyMap<number, BatchStatistics>;
}

/** The executions of batches of one size. */
export interface BatchStatistics {
  readonly computeInput: Tally;
  readonly computeInfer: Tally;
  readonly computeOutput: Tally;
}

/** What a protocol may ask of the rest of the gateway. */
export interface InferenceDoor {
  /**
   * Runs a request down the pipeline. Iteration pulls: not calling `next()` holds the engine back, and `return()` cancels the work.
   * The events end with exactly one `finished` or `failed`; a thrown error counts as `failed`.
   */
  infer(request: InferenceRequest, call: Call): AsyncIterable<InferenceEvent>;
  /** Models that the caller may see. */
  models(call: Call): readonly RoutedModel[];
  /**
   * The version that will answer. The choice is kept with the call: `infer` of a request with this name goes there. Throws
   * `model_not_found` and `version_not_found`.
   */
  choose(wanted: Wanted, call: Call): Chosen;
  /** The names that versions of a model go by. */
  aliases(model: string): Readonly<Record<string, string>>;
  /** Notes what a caller thought of an answer. Throws `not_found` for an answer that is not known. */
  feedback(feedback: Feedback): Promise<void>;
  /** Absent where nobody loads and unloads models by name. */
  readonly repository?: ModelRepository | undefined;
  /** Undefined for a version that was never asked. */
  statistics?(model: string, version: string): VersionStatistics | undefined;
}

/** What every protocol is given when its endpoints are put on an application. */
export interface ProtocolOptions {
  /** The call that the gateway made for a request. */
  readonly callOf: (request: FastifyRequest) => Call;
  /** A stream that was silent for so long gets a comment line. */
  readonly heartbeatMs: number;
  /** A stream whose client took nothing for so long is ended. */
  readonly stalledReaderMs: number;
  /** Deepest nesting of a JSON body. The largest body is the application's own `bodyLimit`. */
  readonly bodyDepth: number;
}
