import type { Sticky, TrafficRule } from './traffic-policy.ts';

/** One of several versions that share a model's requests. */
export interface TrafficArm {
  /** `current` and `candidate` in a rollout, the arm's own name in an experiment, `v<version>` otherwise. */
  readonly name: string;
  readonly version: string;
  readonly weight: number;
}

/** What a set of arms is there for. `id` is that of the rollout or the experiment. */
export interface TrafficPurpose {
  readonly kind: 'weights' | 'rollout' | 'experiment';
  readonly id: string;
}

/** Copies of requests for a candidate. Requests that the candidate itself answered are not copied. */
export interface ShadowOrder {
  readonly to: string;
  readonly share: number;
  readonly mostConcurrent: number;
  readonly mostPerMinute: number;
  /** `rerun`: the version that answered answers once more, so that there is a measure of how much its own answers differ. */
  readonly reference: 'rerun' | 'none';
  readonly purpose: TrafficPurpose;
}

/** The traffic of one model as gateways see it: what a policy, a rollout or an experiment make of it at this moment. */
export interface ModelTraffic {
  readonly model: string;
  readonly aliases: Readonly<Record<string, string>>;
  /** Empty: the highest version that is ready answers. */
  readonly arms: readonly TrafficArm[];
  readonly purpose: TrafficPurpose;
  /** Hashed together with what keeps requests together: another salt deals the callers anew. */
  readonly salt: string;
  readonly sticky: Sticky;
  readonly rules: readonly TrafficRule[];
  readonly fallback: readonly string[];
  readonly shadow?: ShadowOrder;
  /** Somebody wants an observation of every request. */
  readonly isObserved: boolean;
  /** Share of requests that are kept, redacted, for rehearsals; `consented` ones only where that is asked for. */
  readonly capture?: { readonly share: number; readonly consent: 'header' | 'all' };
}

/** How a version was chosen, for receipts. */
export interface RouteChoice {
  readonly model: string;
  readonly version: string;
  readonly arm?: string;
  readonly purpose?: TrafficPurpose;
  /** What decided. */
  readonly by: 'request' | 'alias' | 'rule' | 'weights' | 'rollout' | 'experiment' | 'highest-ready' | 'fallback';
  /** In words: which rule, which alias, which failure. */
  readonly detail?: string;
  /** What the request was held together by: a digest of it. */
  readonly unit?: string;
  /** Every arm with its weight and its hash score; the highest score of those that serve won. */
  readonly scores?: ReadonlyArray<{
    readonly version: string;
    readonly weight: number;
    readonly score: number;
    readonly isServing: boolean;
  }>;
}
