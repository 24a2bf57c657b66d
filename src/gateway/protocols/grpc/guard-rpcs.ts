import { ServerInterceptingCall, status, type Metadata, type ServerInterceptor, type ServerListener } from '@grpc/grpc-js';
import { errorFactsOf, type ErrorFacts } from '../../../core/errors/index.ts';
import type { BegunCall, OpenRpc, RpcFacts, RpcGate } from './rpc-gate.ts';
import { rpcStatus } from './rpc-status.ts';

/** What the checks found out about an RPC. */
export interface KnownRpc {
  readonly rpc: OpenRpc;
  /** Absent for streams, whose requests begin one by one. */
  readonly begun?: BegunCall;
  /** Why it failed, for the log; set by whoever answers. */
  failure?: ErrorFacts;
}

/** The checks that every RPC passes before its messages are read, and what they found out. */
export interface RpcGuard {
  readonly interceptor: ServerInterceptor;
  /** By the metadata that the RPC came with. Throws when it did not pass. */
  find(metadata: Metadata): KnownRpc;
}

/** `openPaths` may grow: probes have no keys, and their answers tell nothing. */
export function createRpcGuard(gate: RpcGate, openPaths: ReadonlySet<string>): RpcGuard {
  const known = new WeakMap<Metadata, KnownRpc>();
  const interceptor: ServerInterceptor = ({ path, requestStream }, nextCall) => {
    if (openPaths.has(path)) {
      limitMessages(nextCall);
      return new ServerInterceptingCall(nextCall);
    }
    let entry: KnownRpc | undefined;
    let isAnswered = false;
    const deadlineMs = Number(nextCall.getDeadline());
    const listener: ServerListener = {
      onReceiveMetadata(metadata, next) {
        try {
          const rpc = gate.open(factsOf(path, metadata, deadlineMs));
          entry = requestStream ? { rpc } : { rpc, begun: rpc.begin() };
        } catch (thrown) {
          call.sendStatus(rpcStatus(errorFactsOf(thrown)));
          return;
        }
        known.set(metadata, entry);
        next(metadata);
      },
      // The last thing that every RPC is told, whichever way it ended.
      onCancel() {
        if (entry?.begun === undefined) return;
        // grpc-js itself answers when a deadline passes, and tells nobody.
        if (!isAnswered && Date.now() >= deadlineMs) entry.begun.end({ failure: TOO_LATE, ending: 'answered' });
        else entry.begun.end({ failure: entry.failure, ending: isAnswered ? 'answered' : 'left' });
      },
    };
    const call = new ServerInterceptingCall(nextCall, {
      start: (next) => next(listener),
      sendStatus(sent, next) {
        isAnswered = true;
        if (sent.code !== status.OK && entry !== undefined) entry.failure ??= UNREADABLE;
        next(sent);
      },
    });
    return call;
  };
  return {
    interceptor,
    find(metadata) {
      const found = known.get(metadata);
      if (found === undefined) throw new Error('an RPC came past its checks');
      return found;
    },
  };
}

const MOST_PROBE_BYTES = 4096;

/**
 * Nobody is asked for a key before a probe's message is read, so it has to be short. grpc-js has one limit for a whole port; that of a call
 * is not in its types.
 */
function limitMessages(call: { decoder?: { maxReadMessageLength?: number }; maxReceiveMessageSize?: number } & object): void {
  if (call.decoder?.maxReadMessageLength === undefined || call.maxReceiveMessageSize === undefined)
    throw new Error('this version of grpc-js keeps the limit of a message elsewhere');
  call.decoder.maxReadMessageLength = MOST_PROBE_BYTES;
  call.maxReceiveMessageSize = MOST_PROBE_BYTES;
}

/** What grpc-js refuses by itself: a message that is no message, or too large. */
const UNREADABLE: ErrorFacts = { code: 'invalid_request', message: 'The message could not be read.' };

const TOO_LATE: ErrorFacts = { code: 'deadline_exceeded', message: 'Deadline exceeded' };

function factsOf(endpoint: string, metadata: Metadata, deadlineMs: number): RpcFacts {
  return {
    endpoint,
    authorization: textOf(metadata, 'authorization'),
    apiKey: textOf(metadata, 'x-api-key'),
    requestId: textOf(metadata, 'x-request-id'),
    timeoutMs: Number.isFinite(deadlineMs) ? Math.max(0, deadlineMs - Date.now()) : undefined,
    headers: headersOf(metadata),
  };
}

const MOST_HEADERS = 64;
const LONGEST_HEADER = 1024;

/** The first value of each entry; keys are no headers to route by. */
function headersOf(metadata: Metadata): Readonly<Record<string, string>> {
  const headers: Record<string, string> = Object.create(null);
  let count = 0;
  for (const [name, value] of Object.entries(metadata.getMap())) {
    if (typeof value !== 'string' || value.length > LONGEST_HEADER || name === 'authorization' || name === 'x-api-key') continue;
    headers[name] = value;
    count += 1;
    if (count === MOST_HEADERS) break;
  }
  return headers;
}

function textOf(metadata: Metadata, name: string): string | undefined {
  const [value] = metadata.get(name);
  return typeof value === 'string' ? value : undefined;
}
