import type { ErrorFacts } from '../core/errors/index.ts';
import type { InferenceEvent, InferenceRequest, SequenceStep } from '../core/inference/index.ts';
import type { ModelFacts } from '../core/models/index.ts';

/** A part of a request that goes into batches as a whole: one text, one picture, one window of sound, one set of tensors. */
export interface WorkItem {
  /** Only items of one class share a batch: the same shapes, the same way of execution. */
  readonly shapeClass: string;
  /** Rows along the batch dimension. */
  readonly rows: number;
  /** Size of one row in the task's own unit (tokens of a text); a batch costs its longest row times its rows. */
  readonly rowCost: number;
  /** Tokens to book. */
  readonly promptTokens: number;
  readonly sequence?: SequenceStep;
}

/** What a step made of one item. `continued`: it wants another step; its events go out now. */
export type ItemOutcome =
  | { readonly type: 'finished'; readonly events: readonly InferenceEvent[]; readonly completionTokens?: number }
  | { readonly type: 'continued'; readonly events: readonly InferenceEvent[] }
  | { readonly type: 'failed'; readonly error: ErrorFacts };

/** Whether anybody still waits for a request's answer; work that nobody waits for may stop. */
export interface RequestLife {
  readonly isEnded: boolean;
}

export interface StepReport {
  /** In the order of the items. */
  readonly outcomes: readonly ItemOutcome[];
  readonly inputMs: number;
  readonly inferMs: number;
  readonly outputMs: number;
}

/**
 * Turns requests into tensors and tensors into answers, around one or several graphs. Synchronous; every method is called between
 * two steps of the replica's loop. Reads data of the model's folder, never code.
 */
export interface Task<Item extends WorkItem = WorkItem> {
  readonly facts: ModelFacts;
  /** Most rows of one batch. */
  readonly maxBatchRows: number;
  /** Most of longest row × rows in one batch, in the unit of `rowCost`; no limit when absent. */
  readonly maxBatchCost?: number;
  readonly threads: number;
  /** Most requests that are prepared at once where `prepare` gives promises: each may hold much memory. No limit when absent. */
  readonly mostPreparing?: number;
  /** The items of a request, in order; once `life` has ended any that there are. Throws PlinthError `invalid_request` or `unsupported_capability`; nothing else is touched then. */
  prepare(request: InferenceRequest, life?: RequestLife): readonly Item[] | Promise<readonly Item[]>;
  /**
   * One batch. Items of one batch have one `shapeClass`. An item that cannot be done fails alone; a throw fails every item, and the
   * runner then tries each of them by itself. `slots`, where the model's sequences hold slots: the slot of each item, in the order
   * of the items; state and place in the batch go by it.
   */
  execute(items: readonly Item[], slots?: readonly number[]): StepReport;
  /** Forgets an item that will not be continued. */
  abandon?(item: Item): void;
  /** The events that end a request after those of its items (a `transcript-report`), before `usage-report`. */
  conclude?(request: InferenceRequest, items: readonly Item[]): readonly InferenceEvent[];
  /** A small request that shows that the model answers. */
  probe(): InferenceRequest;
  close(): void;
}
