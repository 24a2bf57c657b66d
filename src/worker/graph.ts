import type { Tensor, TensorDatatype } from '../core/inference/index.ts';

/** One input or output as the model file has it, batch dimension included. */
export interface GraphPort {
  readonly name: string;
  readonly datatype: TensorDatatype;
  /** −1 where the size is open. */
  readonly shape: readonly number[];
  /** The file's names of open dimensions, by place. */
  readonly symbols: ReadonlyArray<string | undefined>;
  /** The graph has a value of its own for this input. */
  readonly isOptional: boolean;
  /** The file does not even say how many dimensions there are; `shape` is empty then. */
  readonly isUnranked?: true;
}

/** One loaded graph. Synchronous: `run` takes the whole process while it computes. */
export interface LoadedGraph {
  readonly inputs: readonly GraphPort[];
  readonly outputs: readonly GraphPort[];
  /** Name and version, `ONNX Runtime 1.30.0 cpu`. */
  readonly engine: string;
  readonly threads: number;
  /**
   * Outputs by name, in the order of `outputs` (all when absent). What comes back may be a view of memory that later runs leave alone.
   * Throws PlinthError `invalid_request` when the inputs do not fit the graph, `engine_failed` when the engine fails at them.
   */
  run(inputs: readonly Tensor[], outputs?: readonly string[]): readonly Tensor[];
  close(): void;
}

/** Opens a graph by its file's name inside the model's folder. Throws PlinthError `invalid_model_file`. */
export type OpenGraph = (fileName: string) => LoadedGraph;
