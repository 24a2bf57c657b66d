import type { ErrorCode } from '../errors/index.ts';
import type { InferenceEvent, InferenceRequest } from '../inference/index.ts';
import type { TrafficPurpose } from '../traffic/index.ts';
import type { Principal } from './snapshot.ts';

/** How a request ended: `failed` is the version's fault, `timeout` too; `refused` and `cancelled` are not. */
export type Outcome = 'ok' | 'failed' | 'timeout' | 'refused' | 'cancelled';

/** What is worth knowing of a tensor without its numbers. */
export interface OutputShape {
  /** NaN or infinite numbers were in it. */
  readonly isBroken: boolean;
  /** All numbers were the same, and there were several. */
  readonly isConstant: boolean;
  /** The class that won, where the answer is one: the label, or the index of the largest number of a row. */
  readonly classes: readonly string[];
}

/** One request after its end, as far as releases need to know. Never content. Times in milliseconds. */
export interface Observation {
  readonly requestId: string;
  /** The key that asked. */
  readonly keyId: string;
  readonly model: string;
  readonly version: string;
  readonly arm: string;
  readonly purpose: TrafficPurpose;
  /** A digest of what keeps this request together with others. */
  readonly unit: string;
  /** Unix milliseconds. */
  readonly at: number;
  readonly outcome: Outcome;
  readonly failure?: ErrorCode;
  readonly totalMs: number;
  readonly firstTokenMs?: number;
  readonly gapMs?: number;
  readonly promptTokens?: number;
  readonly completionTokens?: number;
  /** The text begins like a refusal to answer. */
  readonly isRefusal?: boolean;
  readonly output?: OutputShape;
}

/** One answer with everything that came. Events are complete up to a limit of bytes; what is longer is not compared at all. */
export interface SampledAnswer {
  readonly version: string;
  readonly outcome: Outcome;
  readonly failure?: ErrorCode;
  readonly totalMs: number;
  readonly firstTokenMs?: number;
  readonly gapMs?: number;
  /** As in an observation; judged where both the candidate's answer and the caller's have it. */
  readonly isRefusal?: boolean;
  readonly output?: OutputShape;
  readonly events: readonly InferenceEvent[];
}

/** The answers of several versions to one request. */
export interface ShadowComparison {
  readonly requestId: string;
  readonly model: string;
  readonly purpose: TrafficPurpose;
  readonly request: InferenceRequest;
  /** What the caller got. */
  readonly current: SampledAnswer;
  /** What the same version says when it is asked again. */
  readonly reference?: SampledAnswer;
  readonly candidate: SampledAnswer;
}

/** What a caller thought of an answer. */
export interface Feedback {
  readonly requestId: string;
  /** 0 (bad) to 1 (good). */
  readonly score: number;
  /** A key of the caller's own choice, such as `resolved`. */
  readonly metric: string;
  /** Who says so: the key that asked for the answer, or an admin. */
  readonly keyId: string;
  readonly role: Principal['role'];
  readonly at: number;
}

/** Where a gateway leaves what it sees of versions that are compared. Nothing here waits and nothing throws. */
export interface EvidenceSink {
  observe(observation: Observation): void;
  compare(comparison: ShadowComparison): void;
  /** A request that may be kept for rehearsals, not yet redacted. */
  capture(request: InferenceRequest, at: number): void;
  /** Resolves when it is durable. Throws `not_found` for a request that nobody knows, and just so for one of another key. */
  feedback(feedback: Feedback): Promise<void>;
}

/** How inference is asked for from inside: like a caller's, but neither shadowed nor observed, and never copied. */
export interface InferencePort {
  /** `request.version` says which version answers. Ends with exactly one `finished` or `failed`; never throws. */
  infer(request: InferenceRequest, signal?: AbortSignal): AsyncIterable<InferenceEvent>;
}

/** One request as the management port tells of it. */
export interface ReceiptBook {
  find(requestId: string): object | undefined;
}
