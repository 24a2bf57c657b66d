import { isServing, type RoutedModel, type RoutingSnapshot, type SnapshotSource } from '../core/messages/index.ts';
import type { Logger } from '../core/telemetry/index.ts';

export interface SnapshotBoardOptions {
  readonly readModels: () => readonly RoutedModel[];
  /** Nothing is meant to be served, which is no reason to be unready. */
  readonly isUnloaded: () => boolean;
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
    this.#snapshot = { revision: this.#snapshot.revision + 1, isReady: this.#isReady(models), models };
    for (const listener of this.#listeners) this.#tell(listener);
  }

  #tell(listener: (snapshot: RoutingSnapshot) => void): void {
    try {
      listener(this.#snapshot);
    } catch (error) {
      this.#options.logger.error({ err: error }, 'a listener to snapshots failed');
    }
  }

  #isReady(models: readonly RoutedModel[]): boolean {
    const isAnswering = models.some(isServing) || this.#options.isUnloaded();
    return isAnswering && models.every((model) => isServing(model) || model.failure !== undefined);
  }
}
