import type { sendUnaryData, ServerUnaryCall } from '@grpc/grpc-js';
import { errorFactsOf, type ErrorFacts } from '../../../core/errors/index.ts';
import type { Call } from '../inference-door.ts';
import type { KnownRpc, RpcGuard } from './guard-rpcs.ts';
import { metadataOf, rpcStatus } from './rpc-status.ts';

/** A method with one request and one response. What it throws becomes the RPC's status. */
export type UnaryMethod<I, O> = (request: I, call: Call) => O | Promise<O>;

/** Called with what was thrown when it is a defect. */
export type OnDefect = (requestId: string, thrown: unknown) => void;

export interface UnaryOptions {
  readonly guard: RpcGuard;
  readonly onDefect: OnDefect;
}

/** The method as grpc-js calls it. */
export function answerUnary<I, O>(method: UnaryMethod<I, O>, options: UnaryOptions) {
  return (rpc: ServerUnaryCall<I, O>, respond: sendUnaryData<O>): void => {
    const known = options.guard.find(rpc.metadata);
    const { begun } = known;
    const fail = (thrown: unknown): void => {
      const facts = noteFailure(known, thrown, options.onDefect);
      respond(rpcStatus(facts, known.rpc.requestId, begun?.versionEntries()));
    };
    if (begun === undefined) return fail(undefined);
    const succeed = (response: O): void => {
      const entries = begun.versionEntries();
      if (Object.keys(entries).length > 0) rpc.sendMetadata(metadataOf(entries));
      respond(null, response);
    };
    try {
      const answer = method(rpc.request, begun.call);
      if (answer instanceof Promise) answer.then(succeed, fail);
      else succeed(answer);
    } catch (thrown) {
      fail(thrown);
    }
  };
}

function noteFailure(known: KnownRpc, thrown: unknown, onDefect: OnDefect): ErrorFacts {
  const facts = errorFactsOf(thrown);
  known.failure = facts;
  if (facts.code === 'internal_error') onDefect(known.rpc.requestId, thrown);
  return facts;
}

/** A method that works without a call and cannot fail, as grpc-js calls it. */
export function answerProbe<O>(method: (request: unknown, call: never) => O) {
  return (rpc: ServerUnaryCall<unknown, O>, respond: sendUnaryData<O>): void =>
    respond(null, method(rpc.request, undefined as never));
}
