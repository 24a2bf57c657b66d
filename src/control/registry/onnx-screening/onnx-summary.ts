import type { TensorDatatype } from '../../../core/inference/index.ts';

/** One input or output of a checked graph. */
export interface OnnxPort {
  readonly name: string;
  /** `OTHER` is what no tensor of a request can be: sequences, maps, complex or 4-bit numbers. */
  readonly datatype: TensorDatatype | 'OTHER';
  /** With the batch dimension, −1 where a size is open; absent where the file gives no rank. */
  readonly shape?: readonly number[];
  /** Names of open sizes, by place. */
  readonly symbols: ReadonlyArray<string | null>;
  /** The graph has a value of its own for this input, or its type is optional. */
  readonly isOptional: boolean;
}

/** What a checked ONNX file says. */
export interface OnnxSummary {
  readonly inputs: readonly OnnxPort[];
  readonly outputs: readonly OnnxPort[];
  /** Of the default operator domain; 0 when the file names none. */
  readonly opset: number;
  readonly irVersion: number;
  /** Name and version of the exporter. */
  readonly producer?: string;
  readonly graphName?: string;
  /** Those of inner graphs and functions included. */
  readonly operationCount: number;
  /** Elements of all initializers and constants. */
  readonly parameterCount: number;
  /** The file and the external files that it names. */
  readonly fileBytes: number;
  /** Relative to the file's folder. */
  readonly externalFiles: readonly string[];
  /** What the exporter noted, as far as it is short. */
  readonly metadata: Readonly<Record<string, string>>;
}
