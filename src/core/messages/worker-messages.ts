import type { ErrorFacts } from '../errors/index.ts';
import type {
  InferenceEvent,
  InferenceRequest,
  RecognizeRequest,
  Tensor,
  TensorRequest,
  TranscribeRequest,
} from '../inference/index.ts';
import type { ModelFacts, ModelSpec } from '../models/index.ts';

/** Identifies a request on one gateway–worker connection. Chosen by the gateway, never reused on that connection. */
export type StreamId = number;

/** `whole`: nobody sees a part of the answer before its end, so its pieces may come together then. */
export type Delivery = 'stream' | 'whole';

/** What a gateway sends to a worker over the replica's unix socket. */
export type ToWorker =
  | { readonly type: 'infer'; readonly stream: StreamId; readonly request: WireRequest; readonly delivery: Delivery }
  | { readonly type: 'cancel'; readonly stream: StreamId }
  /** The reader is slow: keep the sequence, give it no step until `resume`. */
  | { readonly type: 'pause'; readonly stream: StreamId }
  | { readonly type: 'resume'; readonly stream: StreamId };

/** A request whose bytes travel in the frame's body, one after the other, each replaced by its {@link BodyRange}. */
export type WireRequest =
  | Exclude<InferenceRequest, TensorRequest | TranscribeRequest | RecognizeRequest>
  | (Omit<TensorRequest, 'inputs'> & { readonly inputs: readonly WireTensor[] })
  | (Omit<TranscribeRequest, 'audio'> & { readonly audio: BodyRange })
  | (Omit<RecognizeRequest, 'image'> & { readonly image: BodyRange });

/**
 * What a worker sends to a gateway: all events of one turn of its loop in one frame. Bytes travel in the frame's body, each
 * replaced by its {@link BodyRange}.
 */
export interface FromWorker {
  readonly type: 'events';
  readonly events: ReadonlyArray<readonly [stream: StreamId, event: WireEvent]>;
}

/** Bytes of a frame's body. */
export interface BodyRange {
  readonly offset: number;
  readonly length: number;
}

export type WireEvent =
  | Exclude<InferenceEvent, { type: 'embedding' | 'tensor' }>
  | { readonly type: 'embedding'; readonly index: number; readonly values: BodyRange }
  | { readonly type: 'tensor'; readonly response: number; readonly tensor: WireTensor };

export type WireTensor = Omit<Tensor, 'data'> & { readonly data: BodyRange };

/** What the supervisor writes to a worker's standard input, one JSON document a line. End of input means that the parent is gone. */
export type ToReplica =
  | { readonly type: 'load'; readonly spec: ModelSpec; readonly socketPath: string }
  | { readonly type: 'ping'; readonly sequence: number }
  /** Make the engine answer once through the ordinary loop. */
  | { readonly type: 'probe'; readonly sequence: number };

/** What a worker writes to its standard output, one JSON document a line. */
export type FromReplica =
  | { readonly type: 'loaded'; readonly facts: ModelFacts }
  | { readonly type: 'load-failed'; readonly error: ErrorFacts }
  | { readonly type: 'pong'; readonly sequence: number; readonly progress: ReplicaProgress }
  | { readonly type: 'probed'; readonly sequence: number; readonly isAnswered: boolean };

/** What a replica has done and holds; counters run from its start. */
export interface ReplicaProgress {
  /** Steps executed since start. */
  readonly steps: number;
  /** Longest of the recent steps, in milliseconds. */
  readonly stepMs: number;
  readonly runningSequences: number;
  readonly waitingRequests: number;
  /** Sequences that could take a step now (not paused by a slow reader). */
  readonly runnableSequences: number;
  readonly generatedTokens: number;
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly threads: number;
  readonly usedContextTokens: number;
}
