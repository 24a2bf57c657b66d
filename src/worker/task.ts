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
  /** The items of a request, in order. Throws PlinthError `invalid_request` or `unsupported_capability`; nothing else is touched then. */
  prepare(request: InferenceRequest): readonly Item[] | Promise<readonly Item[]>;
  /**
   * One batch. Items of one batch have one `shapeClass`. An item that cannot be done fails alone; a throw fails every item, and the
   * runner then tries each of them by itself.
   */
  execute(items: readonly Item[]): StepReport;
  /** Forgets an item that will not be continued. */
  abandon?(item: Item): void;
  /** The events that end a request after those of its items (a `transcript-report`), before `usage-report`. */
  conclude?(request: InferenceRequest, items: readonly Item[]): readonly InferenceEvent[];
  /** A small request that shows that the model answers. */
  probe(): InferenceRequest;
  close(): void;
}
