import { tensorDatatypes, type TensorDatatype } from '../../../core/inference/index.ts';
import { numbersOf, textOf, type ConfigMessage } from '../model-config/index.ts';
import { refuse } from './refuse.ts';

const MOST_DIMS = 32;

/** `TYPE_FP32` → `FP32`; `TYPE_STRING` → `BYTES`. Throws when no type was given. */
export function readDatatype(message: ConfigMessage, field: string): TensorDatatype {
  const name = textOf(message, 'data_type').replace('TYPE_', '').replace('STRING', 'BYTES');
  const datatype = tensorDatatypes.find((known) => known === name);
  if (datatype === undefined) throw refuse(`${field} must specify 'data_type'`);
  return datatype;
}

/** Sizes of at least 1, or −1 for a variable one. */
export function readDims(message: ConfigMessage, place: { readonly field: string; readonly name: string }): readonly number[] {
  const dims = numbersOf(message, place.name);
  const isSound = dims.every((size) => size === -1 || size >= 1);
  if (!isSound) throw refuse(`${place.field} ${place.name} must be integers >= 1, or -1 to indicate a variable-size dimension`);
  if (dims.length > MOST_DIMS) throw refuse(`${place.field} ${place.name} has ${dims.length} dimensions; at most ${MOST_DIMS}`);
  const elements = dims.reduce((product, size) => product * Math.abs(size), 1);
  if (!Number.isSafeInteger(elements)) throw refuse(`${place.field} ${place.name} describes too many elements`);
  return dims;
}
