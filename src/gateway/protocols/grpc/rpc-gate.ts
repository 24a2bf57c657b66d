import type { ErrorFacts } from '../../../core/errors/index.ts';
import type { Call } from '../inference-door.ts';

/** What an RPC says of itself before any of its messages is read. */
export interface RpcFacts {
  /** `/inference.GRPCInferenceService/ModelInfer`. */
  readonly endpoint: string;
  /** The `authorization`, `x-api-key` and `x-request-id` entries of its metadata. */
  readonly authorization?: string | undefined;
  readonly apiKey?: string | undefined;
  readonly requestId?: string | undefined;
  /** Time until the caller's own deadline, in milliseconds. */
  readonly timeoutMs?: number | undefined;
  /** All text entries of its metadata that are not too many or too long. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Lets RPCs in; the gateway brings it. */
export interface RpcGate {
  /** Finds out who calls. Throws `invalid_api_key`. */
  open(facts: RpcFacts): OpenRpc;
}

/** An RPC whose caller is known. */
export interface OpenRpc {
  readonly requestId: string;
  /** Takes a place among the concurrent requests; once for a unary RPC, for each request of a stream. Throws `draining` or `queue_full`. */
  begin(): BegunCall;
}

/** A request in work. */
export interface BegunCall {
  readonly call: Call;
  /** What to tell of the version that answers, as entries of metadata; empty as long as none was chosen. */
  versionEntries(): Readonly<Record<string, string>>;
  /** Gives the place back and writes the log line; aborts the call's signal. To be called once. `left`: the caller did not wait for the end. */
  end(outcome: { readonly failure?: ErrorFacts | undefined; readonly ending: 'answered' | 'left' }): void;
}
