import type { ServerUnaryCall, ServerWritableStream, sendUnaryData } from '@grpc/grpc-js';
import { status } from '@grpc/grpc-js';
import { HealthCheckResponse_ServingStatus as Serving, type HealthCheckRequest } from './generated/index.ts';

export interface HealthOptions {
  /** The full names of what the port offers. */
  readonly offered: readonly string[];
  isReady(): boolean;
  /** Calls back when `isReady` may have changed; returns the way to stop that. */
  subscribe(listener: () => void): () => void;
}

interface Health {
  readonly status: Serving;
}

type Watcher = ServerWritableStream<HealthCheckRequest, Health>;

const MOST_WATCHERS = 1024;

/** `grpc.health.v1.Health`: the whole port under the empty name, each part under its own. Models have no names here, because nobody is asked for a key. */
export class HealthMethods {
  readonly #options: HealthOptions;
  readonly #offered: ReadonlySet<string>;
  readonly #watchers = new Map<Watcher, Serving>();
  readonly #stop: () => void;

  constructor(options: HealthOptions) {
    this.#options = options;
    this.#offered = new Set(['', ...options.offered]);
    this.#stop = options.subscribe(() => this.#tell());
  }

  check = (rpc: ServerUnaryCall<HealthCheckRequest, Health>, respond: sendUnaryData<Health>): void => {
    const found = this.#statusOf(rpc.request.service);
    if (found === Serving.SERVICE_UNKNOWN) respond({ code: status.NOT_FOUND, details: 'unknown service' });
    else respond(null, { status: found });
  };

  list = (_rpc: unknown, respond: sendUnaryData<{ readonly statuses: Readonly<Record<string, Health>> }>): void => {
    const statuses = [...this.#offered].map((name) => [name, { status: this.#statusOf(name) }] as const);
    respond(null, { statuses: Object.fromEntries(statuses) });
  };

  watch = (rpc: Watcher): void => {
    if (this.#watchers.size >= MOST_WATCHERS) {
      rpc.emit('error', { code: status.RESOURCE_EXHAUSTED, details: 'too many watchers' });
      return;
    }
    rpc.once('cancelled', () => this.#watchers.delete(rpc));
    const first = this.#statusOf(rpc.request.service);
    this.#watchers.set(rpc, first);
    rpc.write({ status: first });
  };

  /** Says a last time that nothing is served, and ends all watches. */
  close(): void {
    this.#stop();
    this.#tell();
    for (const watcher of this.#watchers.keys()) watcher.end();
    this.#watchers.clear();
  }

  #tell(): void {
    for (const [watcher, last] of this.#watchers) {
      const next = this.#statusOf(watcher.request.service);
      if (next === last) continue;
      this.#watchers.set(watcher, next);
      watcher.write({ status: next });
    }
  }

  #statusOf(name: string): Serving {
    if (!this.#offered.has(name)) return Serving.SERVICE_UNKNOWN;
    return this.#options.isReady() ? Serving.SERVING : Serving.NOT_SERVING;
  }
}
