import type { Config } from '../core/config/index.ts';
import { PlinthError, type ErrorFacts } from '../core/errors/index.ts';
import type { InferenceEvent, InferenceRequest } from '../core/inference/index.ts';
import type {
  EvidenceSink,
  InferencePort,
  KeyVerifier,
  ModelRepository,
  Principal,
  ReceiptBook,
  SnapshotSource,
} from '../core/messages/index.ts';
import type { Logger, Metrics } from '../core/telemetry/index.ts';
import { Admission, isLoopbackName } from './access/index.ts';
import { createDoor } from './create-door.ts';
import { createApplication } from './http-application.ts';
import { chooseListenVerdict, closeListener } from './listening/index.ts';
import { ReceiptBookRing, registerNvMetrics, StatisticsBook } from './observing/index.ts';
import { openGrpcPort, type GrpcPort } from './open-grpc-port.ts';
import { openPort, type OpenPort } from './open-port.ts';
import { beginRecord } from './stage.ts';
import { createPipeline, type Pipeline } from './pipeline.ts';
import { createOpenInference, type OpenInference } from './protocols/index.ts';

/** What a gateway is built from. `config` is complete and checked; the other rooms are reached through the interfaces of core. */
export interface GatewayOptions {
  readonly config: Config;
  readonly snapshots: SnapshotSource;
  readonly keys: KeyVerifier;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** Whether any key can open the inference port; asked once, before listening beyond loopback. */
  readonly hasKeys?: () => boolean;
  /** Draining that someone else knows of; `/readyz` then says so. */
  readonly isDraining?: () => boolean;
  /** Loads and unloads models by name; without it nobody can. */
  readonly repository?: ModelRepository;
  /** The product's version, as Open Inference tells it. */
  readonly version?: string;
  /** Who compares versions and takes feedback; without it nothing is observed or copied, and no answer is known to give feedback on. */
  readonly evidence?: EvidenceSink;
}

/** The running gateway. */
export interface Gateway {
  /** `http://127.0.0.1:8080`, with the port that was really taken. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** `127.0.0.1:8001`, as gRPC clients take it; undefined when the configuration wants no such port. */
  readonly grpcAddress: string | undefined;
  /** What is known of the newest requests, by their ids. */
  readonly receipts: ReceiptBook;
  /** Inference for control, past admission: not copied, not observed, and ended when draining begins. */
  readonly infer: InferencePort['infer'];
  /** Requests admitted and not yet answered to the last byte. */
  requestsInWork(): number;
  /**
   * Refuses new requests with `draining`, ends those that wait for a replica, waits at most `limitMs` for those begun, ends the rest with a typed error, closes. Safe to
   * call again.
   */
  drain(limitMs: number): Promise<void>;
  /** Closes every connection at once. Safe to call again. */
  close(): Promise<void>;
}

/**
 * Opens the inference port. Throws PlinthError when the address is not safe to listen on, when the certificate does not load, or
 * when the port cannot be had.
 */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  refuseUnsafeAddress(options);
  const { config, snapshots, metrics, logger, repository, evidence } = options;
  const admission = new Admission(config.limits.concurrentRequests);
  const statistics = new StatisticsBook();
  const receipts = new ReceiptBookRing(config.releases.receipts);
  registerNvMetrics(metrics.registry, statistics);
  const pipeline = createPipeline({ snapshots, metrics, statistics, logger, evidence, cacheBytes: config.cache.responseBytes });
  const inside = new InsideCalls(pipeline);
  const feedback: EvidenceSink['feedback'] | undefined = evidence && ((opinion) => evidence.feedback(opinion));
  const door = createDoor({ pipeline, snapshots, statistics, repository, feedback });
  const isReady = (): boolean => !admission.isDraining && options.isDraining?.() !== true && snapshots.current().isReady;
  const openInference = createOpenInference({
    door,
    isReady,
    logger,
    sharedMemory: config.openInference.allowSharedMemory ? 'on' : 'off',
    version: options.version ?? 'unknown',
  });
  const app = await createApplication({ ...options, admission, door, openInference, isReady, receipts });
  let grpcPort: GrpcPort | undefined;
  try {
    grpcPort = await openGrpcPort({ ...options, admission, openInference, receipts });
    const port = await openPort({ config, logger, metrics, onRequest: (request, response) => app.routing(request, response) });
    return new RunningGateway({ port, grpcPort, admission, pipeline, openInference, receipts, inside, host: config.host });
  } catch (error) {
    await grpcPort?.close();
    pipeline.close();
    throw error;
  }
}

function refuseUnsafeAddress({ config, logger, hasKeys }: GatewayOptions): void {
  const verdict = chooseListenVerdict({
    host: config.host,
    isLoopback: isLoopbackName(config.host.toLowerCase()),
    hasTls: config.tls.certFile !== undefined && config.tls.keyFile !== undefined,
    hasKeys: hasKeys?.() ?? true,
    allowsInsecureListen: config.security.allowInsecureListen,
  });
  if (verdict.refusal !== undefined) throw new PlinthError({ code: 'invalid_request', message: verdict.refusal });
  if (verdict.warning !== undefined) logger.warn(verdict.warning);
}

/** How long streams that were ended get to write that to their clients. */
const LAST_WORDS_MS = 500;
const NOT_BEGUN: ErrorFacts = { code: 'draining', message: 'The server is shutting down.' };
const CUT_OFF: ErrorFacts = { code: 'draining', message: 'The server shut down before the answer was complete.' };

interface RunningParts {
  readonly port: OpenPort;
  readonly grpcPort: GrpcPort | undefined;
  readonly host: string;
  readonly admission: Admission;
  readonly pipeline: Pipeline;
  readonly openInference: OpenInference;
  readonly receipts: ReceiptBook;
  readonly inside: InsideCalls;
}

class RunningGateway implements Gateway {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly grpcAddress: string | undefined;
  readonly receipts: ReceiptBook;
  readonly infer: InferencePort['infer'];
  readonly #parts: RunningParts;
  #drained: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  constructor(parts: RunningParts) {
    this.#parts = parts;
    this.host = parts.host;
    this.port = parts.port.number;
    this.receipts = parts.receipts;
    this.infer = (request, signal) => parts.inside.infer(request, signal);
    const host = parts.host.includes(':') ? `[${parts.host}]` : parts.host;
    this.url = `${parts.port.scheme}://${host}:${this.port}`;
    this.grpcAddress = parts.grpcPort === undefined ? undefined : `${host}:${parts.grpcPort.number}`;
  }

  requestsInWork(): number {
    return this.#parts.admission.inWork;
  }

  drain(limitMs: number): Promise<void> {
    return (this.#drained ??= this.#drain(limitMs));
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #drain(limitMs: number): Promise<void> {
    const { admission, pipeline, port, grpcPort, inside } = this.#parts;
    admission.drain();
    inside.end();
    pipeline.stopShadows();
    pipeline.failWaiting(NOT_BEGUN);
    port.listener.closeIdleConnections();
    grpcPort?.drain();
    if (!(await admission.idle(limitMs))) {
      pipeline.failAll(CUT_OFF);
      await admission.idle(LAST_WORDS_MS);
    }
    await this.close();
  }

  async #close(): Promise<void> {
    const { admission, pipeline, port, grpcPort, openInference, inside } = this.#parts;
    admission.drain();
    inside.end();
    port.stopWatching();
    await Promise.all([closeListener(port.listener), grpcPort?.close()]);
    pipeline.close();
    await openInference.close();
  }
}

const OWN: Principal = { keyId: 'plinth', role: 'admin' };

/** The requests that this process makes itself. */
class InsideCalls {
  readonly #pipeline: Pipeline;
  readonly #ended = new AbortController();

  constructor(pipeline: Pipeline) {
    this.#pipeline = pipeline;
  }

  infer(request: InferenceRequest, signal?: AbortSignal): AsyncIterable<InferenceEvent> {
    const startedMs = performance.now();
    const ended = this.#ended.signal;
    return this.#pipeline.infer(request, {
      requestId: request.id,
      principal: OWN,
      signal: signal === undefined ? ended : AbortSignal.any([signal, ended]),
      deadlineMs: startedMs + request.timeLeftMs,
      record: beginRecord(startedMs),
      isFolded: true,
      origin: 'inside',
    });
  }

  /** Ends those under way as cancelled; later ones fail at once. */
  end(): void {
    this.#ended.abort();
  }
}
