import { greedySampling, type GenerateRequest } from '../core/inference/index.ts';
import type { Principal, RoutedModel, RoutedReplica, RoutingSnapshot, SnapshotSource } from '../core/messages/index.ts';
import type { ModelTraffic } from '../core/traffic/index.ts';
import { createRouter, type Routed, type RouteWish } from './routing/index.ts';

/** A snapshot source that tests set by hand. */
export class FakeSnapshots implements SnapshotSource {
  #snapshot: RoutingSnapshot;
  readonly #listeners = new Set<(snapshot: RoutingSnapshot) => void>();

  constructor(models: readonly RoutedModel[], traffic: readonly ModelTraffic[] = []) {
    this.#snapshot = { revision: 1, isReady: areReady(models), models, traffic };
  }

  current(): RoutingSnapshot {
    return this.#snapshot;
  }

  subscribe(listener: (snapshot: RoutingSnapshot) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Traffic stays as it is unless it is given. */
  set(models: readonly RoutedModel[], traffic: readonly ModelTraffic[] = this.#snapshot.traffic ?? []): void {
    this.#snapshot = { revision: this.#snapshot.revision + 1, isReady: areReady(models), models, traffic };
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

/** Without arms, rules and aliases, for requests that are kept together by their caller. */
export function modelTraffic(fields: Partial<ModelTraffic> = {}): ModelTraffic {
  return {
    model: 'echo',
    aliases: {},
    arms: [],
    purpose: { kind: 'weights', id: 'echo' },
    salt: 'salt',
    sticky: { by: 'caller' },
    rules: [],
    fallback: [],
    isObserved: false,
    ...fields,
  };
}

/** Chooses as the gateway does, for doors that have no gateway behind them. */
export function chooseAmong(
  models: readonly RoutedModel[],
): (wish: RouteWish, call: { readonly principal: Principal }) => Routed {
  const router = createRouter(new FakeSnapshots(models));
  return (wish, { principal }) => router.choose(wish, { principal });
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
