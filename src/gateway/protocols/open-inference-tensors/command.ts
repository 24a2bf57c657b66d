import type { Tensor, TensorParameter } from '../../../core/inference/index.ts';

/** An output that was asked for. `classification` wants so many of the best classes in the place of the values. */
export interface WantedOutput {
  readonly name: string;
  readonly classification?: number;
}

/** An inference call as a dialect has read it, nothing of it checked against the model. */
export interface InferenceCommand {
  /** The caller's own name for the request, given back with the answer; empty when there is none. */
  readonly id: string;
  readonly inputs: readonly Tensor[];
  /** All outputs when empty. */
  readonly outputs: readonly WantedOutput[];
  readonly parameters: ReadonlyMap<string, TensorParameter>;
}

/** One response of the model. */
export interface InferenceResponse {
  readonly modelName: string;
  readonly modelVersion: string;
  /** Empty when the request had none. */
  readonly id: string;
  readonly parameters: Readonly<Record<string, string | number | boolean>>;
  readonly outputs: readonly Tensor[];
  /** Nothing follows. The last response of a decoupled model has no outputs. */
  readonly isFinal: boolean;
}
