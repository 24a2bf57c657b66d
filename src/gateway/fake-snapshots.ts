import { greedySampling, type GenerateRequest } from '../core/inference/index.ts';
import type { RoutedModel, RoutedReplica, RoutingSnapshot, SnapshotSource } from '../core/messages/index.ts';

/** A snapshot source that tests set by hand. */
export class FakeSnapshots implements SnapshotSource {
  #snapshot: RoutingSnapshot;
  readonly #listeners = new Set<(snapshot: RoutingSnapshot) => void>();

  constructor(models: readonly RoutedModel[]) {
    this.#snapshot = { revision: 1, isReady: areReady(models), models };
  }

  current(): RoutingSnapshot {
    return this.#snapshot;
  }

  subscribe(listener: (snapshot: RoutingSnapshot) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  set(models: readonly RoutedModel[]): void {
    this.#snapshot = { revision: this.#snapshot.revision + 1, isReady: areReady(models), models };
    for (const listener of this.#listeners) listener(this.#snapshot);
  }
}

export function routedReplica(fields: Partial<RoutedReplica> = {}): RoutedReplica {
  return { id: 'r1', state: 'ready', socketPath: '/nowhere', slots: 2, ...fields };
}

export function routedModel(fields: Partial<RoutedModel> = {}): RoutedModel {
  return {
    name: 'echo',
    version: '1',
    createdAt: 1,
    replicas: [routedReplica()],
    queueLength: 4,
    queueTimeoutMs: 10_000,
    ...fields,
  };
}

export function generateRequest(fields: Partial<GenerateRequest> = {}): GenerateRequest {
  return {
    kind: 'generate',
    id: 'req-1',
    model: 'echo',
    prompts: [{ type: 'text', text: 'hello' }],
    choiceCount: 1,
    sampling: greedySampling,
    stop: [],
    constraint: { type: 'text' },
    echoesPrompt: false,
    ignoresEnd: false,
    timeLeftMs: 10_000,
    ...fields,
  };
}

function areReady(models: readonly RoutedModel[]): boolean {
  return models.every(({ replicas }) => replicas.some(({ state }) => state === 'ready'));
}
