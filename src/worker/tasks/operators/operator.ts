import { PlinthError } from '../../../core/errors/index.ts';
import type { Tensor, TensorDatatype } from '../../../core/inference/index.ts';
import type { GraphPort } from '../../graph.ts';

/** A step between models that is a function of Plinth's own instead of a model file. It keeps nothing from request to request. */
export interface Operator {
  readonly inputs: readonly GraphPort[];
  readonly outputs: readonly GraphPort[];
  /** Reads one request's inputs, in the order of `inputs`; reading may wait. Throws PlinthError `invalid_request`. */
  begin(inputs: readonly Tensor[]): OperatorWork | Promise<OperatorWork>;
}

/** What is left to do at a request's turn. Outputs in the order of `outputs`. */
export type OperatorWork = () => readonly Tensor[];

/** What a model's configuration tells its operator. */
export interface OperatorSettings {
  readonly folder: string;
  readonly parameters: Readonly<Record<string, string>>;
}

export function portOf(name: string, datatype: TensorDatatype, shape: readonly number[]): GraphPort {
  return { name, datatype, shape, symbols: shape.map(() => undefined), isOptional: false };
}

/** One of the tensors of a request that was checked. */
export function tensorAt(tensors: readonly Tensor[], index: number): Tensor {
  const tensor = tensors[index];
  if (tensor === undefined) throw new Error(`The request has no tensor ${index}.`);
  return tensor;
}

export function refuse(message: string): never {
  throw new PlinthError({ code: 'invalid_request', message });
}
