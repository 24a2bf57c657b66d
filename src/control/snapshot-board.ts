import { isServing, type RoutedModel, type RoutingSnapshot, type SnapshotSource } from '../core/messages/index.ts';
import type { Logger } from '../core/telemetry/index.ts';
import type { ModelTraffic } from '../core/traffic/index.ts';

export interface SnapshotBoardOptions {
  readonly readModels: () => readonly RoutedModel[];
  readonly readTraffic: (models: readonly RoutedModel[]) => readonly ModelTraffic[];
  /** Nothing is meant to be served, which is no reason to be unready. */
  readonly isUnloaded: () => boolean;
  readonly logger: Logger;
}

/** Holds the newest snapshot and tells everyone of the next one, within the call that caused it. */
export class SnapshotBoard implements SnapshotSource {
  readonly #options: SnapshotBoardOptions;
  readonly #listeners = new Set<(snapshot: RoutingSnapshot) => void>();
  #snapshot: RoutingSnapshot = { revision: 0, isReady: false, models: [], traffic: [] };
  #wasReady = false;

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
    const traffic = this.#options.readTraffic(models);
    this.#snapshot = { revision: this.#snapshot.revision + 1, isReady: this.#isReady(models), models, traffic };
    for (const listener of this.#listeners) this.#tell(listener);
  }

  #tell(listener: (snapshot: RoutingSnapshot) => void): void {
    try {
      listener(this.#snapshot);
    } catch (error) {
      this.#options.logger.error({ err: error }, 'a listener to snapshots failed');
    }
  }

  /** What is still on its first way up keeps everyone waiting at start, and nobody from what answers already later on. */
  #isReady(models: readonly RoutedModel[]): boolean {
    const isAnswering = models.some(isServing) || this.#options.isUnloaded();
    const isSettled = this.#wasReady || models.every((model) => isServing(model) || model.failure !== undefined);
    this.#wasReady ||= isAnswering && isSettled;
    return isAnswering && isSettled;
  }
}
