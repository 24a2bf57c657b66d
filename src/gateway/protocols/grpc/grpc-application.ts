import type { MessageShape } from '@bufbuild/protobuf';
import type { GenService, GenServiceMethods } from '@bufbuild/protobuf/codegenv2';
import {
  logVerbosity,
  Server,
  ServerCredentials,
  setLogVerbosity,
  type ServerDuplexStream,
  type UntypedHandleCall,
} from '@grpc/grpc-js';
import type { Duplex } from 'node:stream';
import { answerProbe, answerUnary, type OnDefect, type UnaryMethod } from './answer-unary.ts';
import { wireMethods, type OwnEncoders } from './codec.ts';
import { file_health, file_inference, file_model_repository, Health } from './generated/index.ts';
import { createRpcGuard, type RpcGuard } from './guard-rpcs.ts';
import { HealthMethods } from './health.ts';
import { addReflection } from './reflection.ts';
import type { OpenRpc, RpcGate } from './rpc-gate.ts';

/** What a port needs from the gateway, and its limits. */
export interface GrpcApplicationOptions {
  readonly gate: RpcGate;
  readonly isReady: () => boolean;
  /** Calls back when `isReady` may have changed; returns the way to stop that. */
  readonly subscribe: (listener: () => void) => () => void;
  readonly onDefect: OnDefect;
  /** Largest message that is received, in bytes. */
  readonly messageBytes: number;
  /** Most RPCs at a time on a connection. */
  readonly streams: number;
}

/** Methods with one request and one response, by their names in TypeScript. The streams of a part are added on their own. */
export type UnaryMethods<T extends GenServiceMethods> = {
  readonly [K in keyof T as T[K]['methodKind'] extends 'unary' ? K : never]: UnaryMethod<MessageShape<T[K]['input']>, unknown>;
};

/** An RPC with messages both ways. */
export type MessageStream<I, O> = ServerDuplexStream<I, O>;

/** Answers a stream. */
export type StreamMethod = (stream: MessageStream<never, never>, rpc: OpenRpc) => void;

/** One part of the port. */
export interface PortPart<T extends GenServiceMethods> {
  readonly definition: GenService<T>;
  readonly unary: UnaryMethods<T>;
  /** Those of them that ask for no key and take no place; they are given no call. */
  readonly probes?: ReadonlyArray<keyof UnaryMethods<T> & string>;
  readonly streams?: Readonly<Record<string, StreamMethod>>;
  readonly encoders?: OwnEncoders;
}

const LAST_WORDS_MS = 300;
const FLOW_CONTROL_BYTES = 1024 * 1024;
const KEEPALIVE_MS = 60_000;
const KEEPALIVE_TIMEOUT_MS = 20_000;
const IDLE_MS = 30 * 60_000;

/** gRPC on connections that somebody else accepts. */
export class GrpcApplication {
  readonly #port: Server;
  readonly #guard: RpcGuard;
  readonly #openPaths = new Set<string>();
  readonly #health: HealthMethods;
  readonly #options: GrpcApplicationOptions;
  readonly #injector: ReturnType<Server['createConnectionInjector']>;

  constructor(options: GrpcApplicationOptions) {
    // Its own words would go to the terminal past the log.
    setLogVerbosity(logVerbosity.NONE);
    this.#options = options;
    this.#guard = createRpcGuard(options.gate, this.#openPaths);
    this.#port = new Server({
      interceptors: [this.#guard.interceptor],
      'grpc.max_receive_message_length': options.messageBytes,
      'grpc.max_send_message_length': -1,
      'grpc.max_concurrent_streams': options.streams,
      'grpc.keepalive_time_ms': KEEPALIVE_MS,
      'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
      'grpc.max_connection_idle_ms': IDLE_MS,
      'grpc-node.flow_control_window': FLOW_CONTROL_BYTES,
      'grpc.enable_channelz': 0,
    });
    // TLS, where there is any, has ended before a connection gets here.
    this.#injector = this.#port.createConnectionInjector(ServerCredentials.createInsecure());
    const offered = [file_inference, file_model_repository, file_health].flatMap((file) =>
      file.services.map((one) => one.typeName),
    );
    this.#health = new HealthMethods({ offered, isReady: options.isReady, subscribe: options.subscribe });
    const { check, list, watch } = this.#health;
    const definition = wireMethods(Health);
    for (const { path } of Object.values(definition)) this.#openPaths.add(path);
    this.#port.addService(definition, { check, list, watch });
    addReflection(this.#port, [file_inference, file_model_repository, file_health]);
  }

  add<T extends GenServiceMethods>({ definition, unary, probes = [], streams = {}, encoders }: PortPart<T>): void {
    const { onDefect } = this.#options;
    const guard = this.#guard;
    const methods: Record<string, UntypedHandleCall> = {};
    for (const [name, method] of Object.entries(unary))
      methods[name] = answerUnary(method as UnaryMethod<unknown, unknown>, { guard, onDefect });
    for (const [name, method] of Object.entries(streams))
      methods[name] = (stream: MessageStream<unknown, unknown>) =>
        method(stream as MessageStream<never, never>, guard.find(stream.metadata).rpc);
    const wire = wireMethods(definition, encoders);
    for (const name of probes) {
      const path = wire[name]?.path;
      if (path === undefined) continue;
      this.#openPaths.add(path);
      methods[name] = answerProbe(unary[name] as UnaryMethod<unknown, unknown>);
    }
    this.#port.addService(wire, methods);
  }

  accept(connection: Duplex): void {
    this.#injector.injectConnection(connection);
  }

  /** Tells clients to go elsewhere with new RPCs; those under way go on. */
  drain(): void {
    this.#health.close();
  }

  /** Ends every connection, and gives answers that are on their way a moment to get out. */
  async close(): Promise<void> {
    this.#health.close();
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, LAST_WORDS_MS);
    this.#port.tryShutdown(() => resolve());
    await promise;
    clearTimeout(timer);
    this.#port.forceShutdown();
  }
}
