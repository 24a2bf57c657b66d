import type { InferenceEvent, InferenceRequest } from '../../core/inference/index.ts';
import type { Delivery, RoutedReplica, RoutingSnapshot, SnapshotSource } from '../../core/messages/index.ts';
import type { Logger } from '../../core/telemetry/index.ts';
import { WorkerConnection } from './worker-connection.ts';

const FIRST_RETRY_MS = 20;
const LONGEST_RETRY_MS = 1000;

/** Where the replicas to connect to are found. */
export interface ReplicaConnectionsOptions {
  readonly snapshots: SnapshotSource;
  readonly logger: Logger;
}

interface Line {
  replica: RoutedReplica;
  connection: WorkerConnection | undefined;
  retryMs: number;
  timer: NodeJS.Timeout | undefined;
}

/** Keeps one connection to every replica that the snapshot lists as ready, save those that others run. */
export class ReplicaConnections {
  readonly #logger: Logger;
  readonly #lines = new Map<string, Line>();
  readonly #listeners = new Set<() => void>();
  readonly #unsubscribe: () => void;

  constructor(options: ReplicaConnectionsOptions) {
    this.#logger = options.logger;
    this.#unsubscribe = options.snapshots.subscribe((snapshot) => this.#follow(snapshot));
    this.#follow(options.snapshots.current());
  }

  /** What others run is taken for reachable: it is found out by asking. */
  isReachable(replica: RoutedReplica): boolean {
    if (replica.upstream !== undefined) return true;
    const line = this.#lines.get(replica.id);
    return line?.connection?.isOpen === true && line.replica.socketPath === replica.socketPath;
  }

  /** Calls back whenever a replica has become reachable; returns the way to stop that. */
  onReachable(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Hands a request over. A replica that cannot be reached answers with `replica_lost`. */
  infer(replica: RoutedReplica, request: InferenceRequest, delivery: Delivery = 'stream'): AsyncIterable<InferenceEvent> {
    const connection = this.#lines.get(replica.id)?.connection;
    if (connection === undefined) return lostReplica();
    return connection.infer(request, delivery);
  }

  close(): void {
    this.#unsubscribe();
    for (const id of [...this.#lines.keys()]) this.#drop(id, 'gateway closed');
  }

  #follow(snapshot: RoutingSnapshot): void {
    const own = snapshot.models.flatMap((model) => model.replicas.filter(({ upstream }) => upstream === undefined));
    const listed = new Map(own.map((replica) => [replica.id, replica]));
    for (const [id, line] of this.#lines) {
      const replica = listed.get(id);
      const isGone = replica === undefined || replica.state === 'failed' || replica.state === 'unloaded';
      if (isGone || replica.socketPath !== line.replica.socketPath) this.#drop(id, 'replica is gone');
      else line.replica = replica;
    }
    for (const replica of listed.values()) if (replica.state === 'ready') this.#open(replica);
  }

  #open(replica: RoutedReplica): void {
    const line = this.#lines.get(replica.id) ?? { replica, connection: undefined, retryMs: FIRST_RETRY_MS, timer: undefined };
    this.#lines.set(replica.id, line);
    if (line.connection !== undefined || line.timer !== undefined) return;
    line.connection = new WorkerConnection(replica.socketPath, {
      onOpen: () => {
        line.retryMs = FIRST_RETRY_MS;
        for (const listener of [...this.#listeners]) listener();
      },
      onClose: (reason) => this.#retry(line, reason),
    });
  }

  #retry(line: Line, reason: string): void {
    line.connection = undefined;
    const { id } = line.replica;
    if (this.#lines.get(id) !== line) return;
    this.#logger.debug({ replica: id, reason }, 'replica connection closed');
    line.timer = setTimeout(() => {
      line.timer = undefined;
      if (line.replica.state === 'ready') this.#open(line.replica);
    }, line.retryMs);
    line.retryMs = Math.min(line.retryMs * 2, LONGEST_RETRY_MS);
  }

  #drop(id: string, reason: string): void {
    const line = this.#lines.get(id);
    this.#lines.delete(id);
    clearTimeout(line?.timer);
    line?.connection?.close(reason);
  }
}

async function* lostReplica(): AsyncGenerator<InferenceEvent> {
  yield { type: 'failed', error: { code: 'replica_lost', message: 'The replica is not reachable.' } };
}
