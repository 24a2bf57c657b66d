import { PlinthError } from '../../../core/errors/index.ts';
import type { InferenceEvent, InferenceRequest } from '../../../core/inference/index.ts';
import type { Capability } from '../../../core/models/index.ts';
import type { WorkItem } from '../../task.ts';
import type { EncodedText } from './text-tokenizer.ts';

/** One input of a request before it is tokenised. */
export interface PlannedText {
  readonly content:
    | { readonly type: 'text'; readonly text: string }
    | { readonly type: 'pair'; readonly first: string; readonly second: string }
    | { readonly type: 'tokens'; readonly tokens: readonly number[] };
  /** The field at fault, for errors. */
  readonly param: string;
  readonly overlong: 'cut' | 'refuse';
}

/** One input in the batch queue. */
export interface TextItem extends WorkItem {
  readonly index: number;
  readonly encoded: EncodedText;
  readonly request: InferenceRequest;
  /** The vector, where an answer needs those of several items. */
  vector?: Float32Array;
}

/** What a graph made of one row. */
export interface RowOutput {
  readonly values: Float32Array;
  /** Where the row begins. */
  readonly offset: number;
  /** Values of the row, or of each token where there is one vector a token. */
  readonly width: number;
  readonly perToken: 'yes' | 'no';
}

/** What tells one kind of text model from another: which requests it takes, and what it makes of the graph's output. */
export interface TextWork {
  readonly capabilities: readonly Capability[];
  readonly embeddingDimensions: number;
  /** The inputs of a request. Throws PlinthError `unsupported_capability` or `invalid_request`. */
  plan(request: InferenceRequest): readonly PlannedText[];
  /** The events of one item; may leave its vector with the item. */
  answer(item: TextItem, row: RowOutput): readonly InferenceEvent[];
  conclude(request: InferenceRequest, items: readonly TextItem[]): readonly InferenceEvent[];
  probe(model: string): InferenceRequest;
}

export function refuseKind(request: InferenceRequest, capabilities: readonly Capability[]): never {
  const message = `This model cannot do '${request.kind}'; it can do: ${capabilities.join(', ')}.`;
  throw new PlinthError({ code: 'unsupported_capability', message, param: 'model' });
}

/** The values of a row that must be numbers. Throws `engine_failed`: another precision of the model may do. */
export function requireFinite(values: Float32Array): Float32Array {
  if (values.every(Number.isFinite)) return values;
  throw new PlinthError({ code: 'engine_failed', message: 'The model made values that are not finite.' });
}

export function sigmoid(logit: number): number {
  return 1 / (1 + Math.exp(-logit));
}
