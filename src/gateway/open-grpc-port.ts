import type { Socket } from 'node:net';
import type { Config } from '../core/config/index.ts';
import { errorFactsOf, type ErrorFacts } from '../core/errors/index.ts';
import type { KeyVerifier, SnapshotSource } from '../core/messages/index.ts';
import type { Logger, Metrics } from '../core/telemetry/index.ts';
import { openRpc, versionHeaders, type Admission, type KnownCaller } from './access/index.ts';
import { createSocketListener, type SocketListener } from './listening/index.ts';
import { createReportRequest, type ReceiptBookRing } from './observing/index.ts';
import { followTls, listenOrExplain, readConfiguredTls } from './open-port.ts';
import {
  GrpcApplication,
  registerOpenInferenceRpcs,
  statusOf,
  type BegunCall,
  type OpenInference,
  type OpenInferenceRpcs,
  type RpcFacts,
  type RpcGate,
} from './protocols/index.ts';

export interface GrpcPortOptions {
  readonly config: Config;
  readonly keys: KeyVerifier;
  readonly snapshots: SnapshotSource;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly admission: Admission;
  readonly openInference: OpenInference;
  readonly receipts: ReceiptBookRing;
}

/** The gRPC port, listening. */
export interface GrpcPort {
  /** The port that was really taken. */
  readonly number: number;
  /** Says that nothing is served any more and ends streams as soon as nothing is in work on them; `admission` refuses what is new. */
  drain(): void;
  /** Ends every connection, those with answers on their way a moment later. */
  close(): Promise<void>;
}

const LAST_BYTES_MS = 200;
const REFUSED_STREAMS = 100;
/** As over HTTP. */
const TENSOR_MESSAGE_BYTES = 64 * 1024 * 1024;

/** Undefined when the configuration wants none. Throws `invalid_request` when the certificate does not load or the port cannot be had. */
export async function openGrpcPort(options: GrpcPortOptions): Promise<GrpcPort | undefined> {
  const { config, metrics, logger, openInference, snapshots } = options;
  if (config.grpcPort < 0) return undefined;
  const onDefect = createDefectLog(logger);
  const app = new GrpcApplication({
    gate: createGate(options),
    isReady: () => openInference.isReady(),
    subscribe: (listener) => snapshots.subscribe(listener),
    onDefect,
    messageBytes: Math.max(TENSOR_MESSAGE_BYTES, config.limits.bodyBytes),
    // Room beyond the limit, so that it is said and not just waited for.
    streams: config.limits.concurrentRequests + REFUSED_STREAMS,
  });
  const rpcs = registerOpenInferenceRpcs(app, { openInference, stalledReaderMs: config.limits.stalledReaderMs, onDefect });
  const tls = await readConfiguredTls(config);
  const connections = new Set<Socket>();
  const listener = createSocketListener({
    connections: config.limits.connections,
    tls: tls?.current,
    alpn: 'h2',
    onConnection: (connection) => {
      connections.add(connection);
      connection.once('close', () => connections.delete(connection));
      app.accept(connection);
    },
    onDropped: () => metrics.refusals.inc({ reason: 'connections' }),
  });
  const number = await listenOrExplain(listener, { host: config.host, port: config.grpcPort, param: 'grpcPort' });
  const stopWatching = tls === undefined ? () => undefined : followTls(listener, tls, logger);
  return new RunningPort({ number, app, rpcs, listener, connections, stopWatching });
}

interface PortParts {
  readonly number: number;
  readonly app: GrpcApplication;
  readonly rpcs: OpenInferenceRpcs;
  readonly listener: SocketListener;
  readonly connections: ReadonlySet<Socket>;
  readonly stopWatching: () => void;
}

class RunningPort implements GrpcPort {
  readonly number: number;
  readonly #parts: PortParts;

  constructor(parts: PortParts) {
    this.#parts = parts;
    this.number = parts.number;
  }

  drain(): void {
    this.#parts.app.drain();
    this.#parts.rpcs.drain();
  }

  async close(): Promise<void> {
    const { app, listener, connections, stopWatching } = this.#parts;
    stopWatching();
    const closed = new Promise<void>((resolve) => listener.close(() => resolve()));
    this.drain();
    await app.close();
    // The last bytes are out of HTTP/2's hands, but not yet with the client.
    const timer = setTimeout(() => connections.forEach((connection) => connection.destroy()), LAST_BYTES_MS);
    await closed;
    clearTimeout(timer);
  }
}

/** The same keys, places, log line and counters as over HTTP. */
function createGate(options: GrpcPortOptions): RpcGate {
  const { keys, admission, config, metrics } = options;
  const rules = { keys, admission, requestTimeoutMs: config.limits.requestTimeoutMs };
  const report = createReportRequest(options);
  const counted = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      countRefusal(metrics, errorFactsOf(error));
      throw error;
    }
  };
  const begin = (caller: KnownCaller, endpoint: string): BegunCall => {
    let entries: Readonly<Record<string, string>> = {};
    const call = counted(() => caller.enter((choice) => (entries = versionHeaders(choice))));
    return {
      call,
      versionEntries: () => entries,
      end({ failure, ending }) {
        admission.leave();
        // Costs a stack trace, and after a regular end nobody listens any more.
        if (failure !== undefined || ending === 'left') call.abort();
        const { requestId, principal, record } = call;
        if (failure !== undefined && record.failure === undefined) {
          record.failure = failure.code;
          countRefusal(metrics, failure);
        }
        const status = record.failure === undefined ? 200 : statusOf(record.failure).http;
        report({
          requestId,
          keyId: principal.keyId,
          method: 'GRPC',
          endpoint,
          status,
          isComplete: ending === 'answered',
          record,
        });
      },
    };
  };
  return {
    open(facts: RpcFacts) {
      const caller = counted(() => openRpc(facts, rules));
      return { requestId: caller.requestId, begin: () => begin(caller, facts.endpoint) };
    },
  };
}

function countRefusal(metrics: Metrics, { code }: ErrorFacts): void {
  if (code !== 'internal_error' && code !== 'cancelled') metrics.refusals.inc({ reason: code });
}

/** A defect's name and place; its message may quote what a caller sent. */
function createDefectLog(logger: Logger): (requestId: string, thrown: unknown) => void {
  return (requestId, thrown) => {
    const isError = thrown instanceof Error;
    const at = isError ? (thrown.stack ?? '').split('\n').filter((line) => line.startsWith('    at ')) : [];
    const error = isError ? thrown.name : typeof thrown;
    logger.error({ id: requestId, error, at: at.slice(0, 8).map((line) => line.trim()) }, 'internal error');
  };
}
