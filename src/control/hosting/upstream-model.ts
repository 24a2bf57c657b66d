import { setTimeout as sleep } from 'node:timers/promises';
import { PlinthError, type ErrorFacts } from '../../core/errors/index.ts';
import type { ReplicaState, RoutedModel, UpstreamAddress } from '../../core/messages/index.ts';
import type { ModelFacts } from '../../core/models/index.ts';
import type { VersionFacts } from '../../core/records/index.ts';
import type { ModelPlan } from './choose-model-plans.ts';
import type { ControlObserver } from './control-events.ts';

export interface UpstreamModelOptions {
  readonly plan: ModelPlan;
  readonly upstream: UpstreamAddress;
  readonly observer: ControlObserver;
  readonly onChanged: () => void;
  readonly onFound?: ((facts: VersionFacts) => void) | undefined;
  /** Where the key's variable must be; the process's own when absent. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
}

/** A model that others run: it has no process here, takes requests at once and is reached by whoever forwards them. */
export class UpstreamModel {
  readonly #options: UpstreamModelOptions;
  readonly #createdAt = Math.floor(Date.now() / 1_000);
  readonly #facts: ModelFacts;
  readonly #abort = new AbortController();
  #state: ReplicaState = 'loading';
  #obstacle: ErrorFacts | undefined;

  constructor(options: UpstreamModelOptions) {
    this.#options = options;
    this.#facts = describe(options.plan);
  }

  get name(): string {
    return this.#options.plan.spec.name;
  }

  get isServing(): boolean {
    return this.#state === 'ready';
  }

  get obstacle(): ErrorFacts | undefined {
    return this.#obstacle;
  }

  async whenReady(): Promise<ModelFacts> {
    if (this.#obstacle !== undefined) throw new PlinthError(this.#obstacle);
    return this.#facts;
  }

  whenSettled(): Promise<void> {
    return Promise.resolve();
  }

  /** Whether the endpoint answers is seen by the first request. */
  async start(): Promise<void> {
    const { upstream, observer, onChanged, onFound, environment = process.env } = this.#options;
    const { keyVariable } = upstream;
    if (keyVariable !== undefined && !environment[keyVariable]) {
      const message = `The environment variable ${keyVariable} with the key for the upstream of '${this.name}' is not set.`;
      this.#obstacle = { code: 'model_unavailable', message };
      this.#state = 'failed';
      onChanged();
      return observer({ type: 'model-failed', model: this.name, error: this.#obstacle });
    }
    this.#state = 'ready';
    onChanged();
    onFound?.({ bytes: 0, source: upstream.url, engine: 'upstream', precision: 'unknown' });
  }

  stop(): void {
    this.#abort.abort();
  }

  /** Nobody tells when the last answer is complete, so it stays for the whole time. */
  async retire(drainMs: number): Promise<void> {
    const { signal } = this.#abort;
    if (this.#state === 'ready') {
      this.#state = 'draining';
      this.#options.onChanged();
      await sleep(drainMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
    this.#state = 'unloaded';
  }

  reports(): readonly never[] {
    return [];
  }

  routed(): RoutedModel {
    const { plan, upstream } = this.#options;
    const { name, version, queueLength, queueTimeoutMs } = plan.spec;
    const id = `upstream-${name}-${version}`;
    const replicas = [{ id, state: this.#state, socketPath: '', slots: this.#facts.slots, upstream }];
    const failure = this.#obstacle?.message;
    return {
      name,
      version,
      createdAt: this.#createdAt,
      facts: this.#facts,
      replicas,
      queueLength,
      queueTimeoutMs,
      ...(failure !== undefined && { failure, isHeld: true as const }),
    };
  }
}

function describe({ batchedSlots, spec }: ModelPlan): ModelFacts {
  return {
    architecture: 'upstream',
    parameterCount: 0,
    quantization: '',
    fileBytes: 0,
    engine: 'upstream',
    contextTokens: spec.contextTokens,
    embeddingDimensions: 0,
    slots: batchedSlots,
    capabilities: ['chat', 'completion', 'tools', 'embed'],
  };
}
