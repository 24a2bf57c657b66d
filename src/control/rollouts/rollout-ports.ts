import type { ShadowComparison } from '../../core/messages/index.ts';
import type { EvidenceRecords, LeaseRecords, ReleaseRecords } from '../../core/records/index.ts';
import type { Logger, Metrics } from '../../core/telemetry/index.ts';
import type { GoldenQuestion, RolloutPlan } from './rollout-plan.ts';
import type { ComparisonScores, GoldenResult } from './verdict.ts';

/** The parts of the book that rollouts are kept in. */
export type RolloutBook = ReleaseRecords & LeaseRecords & EvidenceRecords;

/** The versions of this process. */
export interface RolloutFleet {
  /** Resolves when the version is loaded and has answered. Throws a `PlinthError` that says why it does not. */
  ensureLoaded(model: string, version: string, signal: AbortSignal): Promise<void>;
  isServing(model: string, version: string): boolean;
  /** Whether versions of the model are loaded in this process at all; a rollout of another model is left to processes where they are. */
  has?(model: string): boolean;
  /** Runs captured requests against a version that is loaded; what they answer is thrown away. */
  warmUp?(model: string, version: string, options: { readonly requests: number; readonly signal: AbortSignal }): Promise<void>;
}

/** The golden questions that are asked of both versions. `question` of a result counts from 0 within `questions`. */
export interface GoldenOrder {
  readonly model: string;
  readonly baseline: string;
  readonly candidate: string;
  readonly questions: readonly GoldenQuestion[];
  readonly signal: AbortSignal;
}

/** What makes scores of answers. */
export interface Assessor {
  /** Undefined when the answers cannot be compared. */
  assess(comparison: ShadowComparison, plan: RolloutPlan): Promise<ComparisonScores | undefined>;
  askGolden(order: GoldenOrder): AsyncIterable<GoldenResult>;
}

/** What a rollout engine stands on. */
export interface RolloutEngineOptions {
  readonly book: RolloutBook;
  readonly fleet: RolloutFleet;
  readonly assessor: Assessor;
  /** The loaded versions of a model that generate no text. */
  readonly textless?: (model: string) => readonly string[];
  /** Unlike that of every other process of the book, also of this program's last run. */
  readonly holder: string;
  readonly logger: Logger;
  readonly metrics?: Metrics;
  /** Unix milliseconds. */
  readonly now?: () => number;
  readonly pace?: Partial<RolloutPace>;
}

/** How quick the engine is. Milliseconds. */
export interface RolloutPace {
  /** Between two looks at a rollout when nothing happens. */
  readonly tickMs: number;
  /** Least time between two looks when much happens. */
  readonly leastTickMs: number;
  /** How long a process that is gone keeps a rollout. */
  readonly leaseMs: number;
  /** Most that is lost of the evidence when this process is killed. */
  readonly persistMs: number;
  /** How long a candidate may answer nothing before it is rolled back. */
  readonly absenceMs: number;
}

export const DEFAULT_PACE: RolloutPace = {
  tickMs: 250,
  leastTickMs: 50,
  leaseMs: 4_000,
  persistMs: 1_000,
  absenceMs: 30_000,
};
