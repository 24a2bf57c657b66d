import type { RepositoryEntry, RoutedModel } from '../../core/messages/index.ts';
import { isServing } from '../../core/messages/index.ts';
import type { ModelPlan } from './choose-model-plans.ts';
import type { HostedPlan } from './host-plan.ts';
import type { ReplicaReport } from '../placement/index.ts';

export interface HostedVersionOptions {
  readonly name: string;
  readonly version: string;
  /** Makes a model of a plan; does not start it. */
  readonly host: (plan: ModelPlan) => HostedPlan;
  readonly drainMs: number;
  readonly onChanged: () => void;
}

/** One version of a name through all its loads: what serves, what is about to take its place, and what still finishes its work. */
export class HostedVersion {
  readonly #options: HostedVersionOptions;
  readonly #leaving = new Map<HostedPlan, Promise<void>>();
  #current: HostedPlan | undefined;
  #next: HostedPlan | undefined;
  #plan: ModelPlan | undefined;
  /** Why nothing serves. */
  #reason = '';

  constructor(options: HostedVersionOptions) {
    this.#options = options;
  }

  get version(): string {
    return this.#options.version;
  }

  /** Nothing serves, and nothing is meant to. */
  get isIdle(): boolean {
    return this.#current === undefined && this.#next === undefined;
  }

  get isServing(): boolean {
    return this.#current?.isServing === true;
  }

  /** Something still finishes its work. */
  get isLeaving(): boolean {
    return this.#leaving.size > 0;
  }

  /** Of what serves or is to serve. */
  get plan(): ModelPlan | undefined {
    return this.#plan;
  }

  get current(): HostedPlan | undefined {
    return this.#current;
  }

  /** Starts a plan, and keeps trying when that fails. */
  begin(plan: ModelPlan): HostedPlan {
    this.#plan = plan;
    this.#current = this.#options.host(plan);
    void this.#current.start();
    return this.#current;
  }

  /** Puts a plan in the place of what serves, which goes on until the new one answers. Throws what keeps it from answering. */
  async replace(plan: ModelPlan): Promise<void> {
    if (this.#current !== undefined && !this.#current.isServing) void this.#leave(this.#takeCurrent());
    const next = this.#options.host(plan);
    this.#next = next;
    void next.start();
    try {
      await next.whenReady();
    } catch (error) {
      if (this.#next === next) this.#next = undefined;
      this.#reason = next.routed().failure ?? (error instanceof Error ? error.message : '');
      void this.#leave(next);
      throw error;
    }
    if (this.#next !== next) return;
    const old = this.#takeCurrent();
    this.#current = next;
    this.#next = undefined;
    this.#plan = plan;
    void this.#leave(old);
  }

  /** Takes no new requests from now on. Resolves when what was begun is done and the processes are gone. */
  async retire(): Promise<void> {
    const all = [this.#takeCurrent(), this.#next];
    this.#next = undefined;
    this.#plan = undefined;
    this.#reason = 'unloaded';
    await Promise.all([...all.map((model) => this.#leave(model)), ...this.#leaving.values()]);
  }

  stop(): void {
    for (const model of this.#all()) model.stop();
  }

  reports(): readonly ReplicaReport[] {
    return this.#all().flatMap((model) => model.reports());
  }

  /** Undefined when there is nothing to route to and nothing to wait for. */
  routed(): RoutedModel | undefined {
    const models = this.#all();
    const shown = this.#current ?? this.#next;
    const base = (shown ?? models[0])?.routed();
    if (base === undefined) return undefined;
    const replicas = models.flatMap((model) => model.routed().replicas);
    if (shown !== undefined) return { ...base, replicas };
    return { ...base, replicas, failure: `The model '${base.name}' is being unloaded.`, isHeld: true };
  }

  entry(routed: RoutedModel | undefined): RepositoryEntry {
    const { name, version } = this.#options;
    if (this.isIdle) {
      if (this.#leaving.size > 0 && this.#reason === 'unloaded') return { name, version, state: 'UNLOADING' };
      return { name, version, state: 'UNAVAILABLE', reason: this.#reason };
    }
    if (routed !== undefined && isServing(routed)) return { name, version, state: 'READY' };
    if (routed?.failure !== undefined) return { name, version, state: 'UNAVAILABLE', reason: routed.failure };
    return { name, version, state: 'LOADING' };
  }

  #all(): readonly HostedPlan[] {
    return [this.#current, this.#next, ...this.#leaving.keys()].filter((model) => model !== undefined);
  }

  #takeCurrent(): HostedPlan | undefined {
    const current = this.#current;
    this.#current = undefined;
    return current;
  }

  #leave(model: HostedPlan | undefined): Promise<void> {
    if (model === undefined) return Promise.resolve();
    const gone = Promise.withResolvers<void>();
    // It must not be missing from the snapshot for a moment: gateways would take it for lost, with all that it works on.
    this.#leaving.set(model, gone.promise);
    void model.retire(this.#options.drainMs).then(() => {
      this.#leaving.delete(model);
      this.#options.onChanged();
      gone.resolve();
    });
    this.#options.onChanged();
    return gone.promise;
  }
}
