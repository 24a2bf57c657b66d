import { PlinthError } from '../../../core/errors/index.ts';
import { datatypeBytes, type Tensor } from '../../../core/inference/index.ts';
import type { GraphPort } from '../../graph.ts';

/** Names listed in a message before it says how many more there are. */
const MOST_NAMES = 12;
/** Of an input whose rank the model leaves open. */
const MOST_DIMENSIONS = 32;

/** Throws PlinthError `invalid_request` unless the tensors are a complete set of inputs for these ports. */
export function checkInputs(ports: ReadonlyMap<string, GraphPort>, tensors: readonly Tensor[]): void {
  const given = new Set<string>();
  for (const tensor of tensors) {
    const port = ports.get(tensor.name);
    if (port === undefined) throw refuse(`The model has no input '${tensor.name}'; its inputs are ${describe(ports)}.`);
    if (given.has(tensor.name)) throw refuse(`Input '${tensor.name}' is given twice.`);
    given.add(tensor.name);
    checkType(port, tensor);
    checkLength(tensor);
  }
  for (const port of ports.values()) {
    if (!port.isOptional && !given.has(port.name)) {
      throw refuse(`Input '${port.name}' is missing; the model's inputs are ${describe(ports)}.`);
    }
  }
}

/** Throws PlinthError `invalid_request` unless each name is an output and none comes twice. */
export function checkOutputs(ports: ReadonlyMap<string, GraphPort>, names: readonly string[]): void {
  const foreign = names.find((name) => !ports.has(name));
  if (foreign !== undefined) throw refuse(`The model has no output '${foreign}'; its outputs are ${describe(ports)}.`);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw refuse(`Output '${twice}' is asked for twice.`);
}

function checkType({ name, datatype, shape, isUnranked }: GraphPort, tensor: Tensor): void {
  if (tensor.datatype !== datatype) throw refuse(`Input '${name}' has datatype ${tensor.datatype}; ${datatype} is expected.`);
  const fits =
    (isUnranked === true && tensor.shape.length <= MOST_DIMENSIONS) ||
    (tensor.shape.length === shape.length && shape.every((size, at) => size < 0 || size === tensor.shape[at]));
  if (fits) return;
  const expected = isUnranked === true ? `up to ${MOST_DIMENSIONS} dimensions are` : `[${shape}] is`;
  throw refuse(
    `Input '${name}' has shape [${tensor.shape.slice(0, MOST_DIMENSIONS)}]; ${expected} expected, where -1 is any size.`,
  );
}

function checkLength({ name, datatype, shape, data }: Tensor): void {
  const isShape = shape.every((size) => Number.isSafeInteger(size) && size >= 0);
  const elements = shape.reduce((product, size) => product * size, 1);
  if (!isShape || !Number.isSafeInteger(elements))
    throw refuse(`Input '${name}' has shape [${shape}], which is none: sizes are whole numbers whose product fits 53 bits.`);
  const isRight = datatype === 'BYTES' ? data.length >= elements * 4 : data.length === elements * datatypeBytes[datatype];
  if (!isRight) {
    throw refuse(`Input '${name}' has ${data.length} bytes of data, which do not fit shape [${shape}] of ${datatype}.`);
  }
}

function describe(ports: ReadonlyMap<string, GraphPort>): string {
  const texts = [...ports.values()].map(({ name, datatype, shape }) => `'${name}' (${datatype} [${shape}])`);
  const more = texts.length > MOST_NAMES ? ` and ${texts.length - MOST_NAMES} more` : '';
  return texts.length === 0 ? 'none' : texts.slice(0, MOST_NAMES).join(', ') + more;
}

function refuse(message: string): PlinthError {
  return new PlinthError({ code: 'invalid_request', message, param: 'inputs' });
}
