import type { RoutedModel, RoutingSnapshot, SnapshotSource } from '../core/messages/index.ts';
import type { Logger } from '../core/telemetry/index.ts';

export interface SnapshotBoardOptions {
  readonly readModels: () => readonly RoutedModel[];
  readonly logger: Logger;
}

/** Holds the newest snapshot and tells everyone of the next one, within the call that caused it. */
export class SnapshotBoard implements SnapshotSource {
  readonly #options: SnapshotBoardOptions;
  readonly #listeners = new Set<(snapshot: RoutingSnapshot) => void>();
  #snapshot: RoutingSnapshot = { revision: 0, isReady: false, models: [] };

  constructor(options: SnapshotBoardOptions) {
    this.#options = options;
  }

  current(): RoutingSnapshot {
    return this.#snapshot;
  }

  subscribe(listener: (snapshot: RoutingSnapshot) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  publish(): void {
    const models = this.#options.readModels();
    this.#snapshot = { revision: this.#snapshot.revision + 1, isReady: chooseReadiness(models), models };
    for (const listener of this.#listeners) this.#tell(listener);
  }

  #tell(listener: (snapshot: RoutingSnapshot) => void): void {
    try {
      listener(this.#snapshot);
    } catch (error) {
      this.#options.logger.error({ err: error }, 'a listener to snapshots failed');
    }
  }
}

function chooseReadiness(models: readonly RoutedModel[]): boolean {
  const isAnswering = ({ replicas }: RoutedModel) => replicas.some((replica) => replica.state === 'ready');
  return models.some(isAnswering) && models.every((model) => isAnswering(model) || model.failure !== undefined);
}
