import type { DynamicBatching, TensorModelConfig } from '../../core/models/index.ts';
import type { Task } from '../task.ts';
import type { BatchLimits } from './choose-batch.ts';

/** How the batches of a model are formed, whatever its configuration calls it. */
export interface Schedule {
  readonly limits: BatchLimits;
  /** So many rows are sent at once. */
  readonly enoughRows: number;
  readonly maxDelayMs: number;
  /** Requests of different callers share batches. */
  readonly sharing: 'merged' | 'single';
  /** Items looked at to form a batch. */
  readonly window: number;
  readonly batching: DynamicBatching | undefined;
  /** Present when the model is stateful. */
  readonly seats?: { readonly slots: number; readonly maxIdleMs: number };
}

/** What of a task its batches depend on. */
type Batched = Pick<Task, 'facts' | 'maxBatchRows' | 'maxBatchCost'>;

const WINDOW_BATCHES = 4;
const LEAST_WINDOW = 64;
const MOST_WINDOW = 1024;
const DEFAULT_IDLE_US = 1_000_000;

/**
 * What a configuration asks for. A task without one batches what waits and waits for nothing. A tensor model's requests are merged
 * only where it says so.
 */
export function readSchedule(task: Batched): Schedule {
  const config = task.facts.tensors?.config;
  const batching = config?.dynamicBatching;
  const isMerged = config === undefined || batching !== undefined;
  const maxRows = Math.max(1, task.maxBatchRows);
  if (config?.sequenceBatching !== undefined) return readSequences(task, config.sequenceBatching);
  return {
    limits: readLimits(task, batching?.preferredBatchSizes ?? [], batching?.ordering ?? 'free'),
    enoughRows: leastOf(batching?.preferredBatchSizes ?? [], maxRows),
    maxDelayMs: (batching?.maxQueueDelayUs ?? 0) / 1000,
    sharing: isMerged ? 'merged' : 'single',
    window: windowFor(maxRows),
    batching,
  };
}

function readSequences(task: Batched, batching: NonNullable<TensorModelConfig['sequenceBatching']>): Schedule {
  const { strategy, maxIdleUs } = batching;
  const maxRows = Math.max(1, task.maxBatchRows);
  const maxIdleMs = (maxIdleUs > 0 ? maxIdleUs : DEFAULT_IDLE_US) / 1000;
  const same = { sharing: 'merged', window: windowFor(maxRows), batching: undefined } as const;
  if (strategy.type === 'direct') {
    return {
      ...same,
      limits: readLimits(task, [], 'free'),
      enoughRows: Math.max(1, Math.ceil(strategy.minimumSlotUtilization * maxRows)),
      maxDelayMs: strategy.maxQueueDelayUs / 1000,
      seats: { slots: maxRows, maxIdleMs },
    };
  }
  return {
    ...same,
    limits: readLimits(task, strategy.preferredBatchSizes, strategy.ordering),
    enoughRows: leastOf(strategy.preferredBatchSizes, maxRows),
    maxDelayMs: strategy.maxQueueDelayUs / 1000,
    seats: { slots: strategy.maxCandidateSequences > 0 ? strategy.maxCandidateSequences : maxRows, maxIdleMs },
  };
}

function readLimits(task: Batched, preferredRows: readonly number[], ordering: BatchLimits['ordering']): BatchLimits {
  return { maxRows: Math.max(1, task.maxBatchRows), maxCost: task.maxBatchCost ?? Infinity, preferredRows, ordering };
}

function leastOf(preferred: readonly number[], maxRows: number): number {
  return Math.min(maxRows, ...preferred);
}

function windowFor(maxRows: number): number {
  return Math.min(MOST_WINDOW, Math.max(LEAST_WINDOW, maxRows * WINDOW_BATCHES));
}
