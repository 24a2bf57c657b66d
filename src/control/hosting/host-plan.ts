import type { ErrorFacts } from '../../core/errors/index.ts';
import type { RoutedModel } from '../../core/messages/index.ts';
import type { ModelFacts } from '../../core/models/index.ts';
import type { ReplicaReport } from '../placement/index.ts';
import { HostedModel, type HostedModelOptions } from './hosted-model.ts';
import { UpstreamModel } from './upstream-model.ts';

/** One plan on its way to whatever answers for it, and what there is to say of it meanwhile. It is loaded once. */
export interface HostedPlan {
  readonly name: string;
  readonly isServing: boolean;
  /** What keeps it from answering, once that is more than a moment. */
  readonly obstacle: ErrorFacts | undefined;
  /** The facts at the first answer, or the PlinthError that keeps it from answering. */
  whenReady(): Promise<ModelFacts>;
  /** Resolves at the first answer or the first failure. */
  whenSettled(): Promise<void>;
  /** Never rejects. */
  start(): Promise<void>;
  /** Stops what is under way; its replicas are ended by placement. */
  stop(): void;
  /** Takes it out of service: what it holds is finished, at the latest after `drainMs`. Resolves when it is gone. */
  retire(drainMs: number): Promise<void>;
  reports(): readonly ReplicaReport[];
  routed(): RoutedModel;
}

/** What follows the loading of a plan and may hold it up. */
export type PlanHooks = Partial<Pick<HostedModelOptions, 'enter' | 'warmUp' | 'onFound' | 'onChanged' | 'observer'>>;

/** Makes what a plan is for: replicas of its own, an ensemble, or an endpoint that others run. */
export function hostPlan(options: HostedModelOptions): HostedPlan {
  const { upstream } = options.plan;
  return upstream === undefined ? new HostedModel(options) : new UpstreamModel({ ...options, upstream });
}
