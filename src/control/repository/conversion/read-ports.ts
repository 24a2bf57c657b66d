import type { TensorPort } from '../../../core/models/index.ts';
import { isSet, messageOf, messagesOf, textOf, type ConfigMessage } from '../model-config/index.ts';
import { readDatatype, readDims } from './read-datatype.ts';
import { refuse } from './refuse.ts';

const MOST_PORTS = 4096;

/** The inputs of a model as callers see them. Throws when one lacks a name, type or dims, or two have one name. */
export function readInputs(config: ConfigMessage): readonly TensorPort[] {
  return readPorts(config, 'input').map(({ port, message }) => ({
    ...port,
    ...(isSet(message, 'optional') && { isOptional: true as const }),
    ...(isSet(message, 'allow_ragged_batch') && { allowsRagged: true as const }),
  }));
}

/** The outputs of a model, and the files that hold the names of their classes. */
export function readOutputs(config: ConfigMessage): {
  readonly outputs: readonly TensorPort[];
  /** Name of the output → file in the model's folder. */
  readonly labelFiles: ReadonlyMap<string, string>;
} {
  const ports = readPorts(config, 'output');
  const labelled = ports.filter(({ message }) => textOf(message, 'label_filename') !== '');
  return {
    outputs: ports.map(({ port }) => port),
    labelFiles: new Map(labelled.map(({ port, message }) => [port.name, textOf(message, 'label_filename')])),
  };
}

function readPorts(config: ConfigMessage, kind: 'input' | 'output') {
  const messages = messagesOf(config, kind);
  if (messages.length > MOST_PORTS) throw refuse(`${messages.length} ${kind}s; at most ${MOST_PORTS}`);
  const ports = messages.map((message, index) => ({ message, port: readPort(message, `model ${kind}`, `${kind}[${index}]`) }));
  const names = new Set<string>();
  for (const { port } of ports) {
    if (names.has(port.name)) throw refuse(`two model ${kind}s are named '${port.name}'`);
    names.add(port.name);
  }
  return ports;
}

function readPort(message: ConfigMessage, title: string, place: string): TensorPort {
  const name = textOf(message, 'name');
  if (name === '') throw refuse(`${title} must specify 'name' (${place})`);
  const field = `${title} '${name}'`;
  const dims = readDims(message, { field, name: 'dims' });
  if (dims.length === 0) throw refuse(`${field} must specify 'dims'`);
  const reshaping = messageOf(message, 'reshape');
  const reshape = reshaping && readDims(reshaping, { field: `${field} reshape`, name: 'shape' });
  if (reshape !== undefined) checkReshape(field, dims, reshape);
  return { name, datatype: readDatatype(message, field), dims, ...(reshape && { reshape }) };
}

function checkReshape(field: string, dims: readonly number[], reshape: readonly number[]): void {
  const open = (sizes: readonly number[]) => sizes.filter((size) => size === -1).length;
  const product = (sizes: readonly number[]) => sizes.reduce((result, size) => result * Math.abs(size), 1);
  const isSame = open(dims) === open(reshape) && (open(dims) > 1 || product(dims) === product(reshape));
  if (!isSame) throw refuse(`${field} has different size for dims and reshape: [${dims.join(',')}] and [${reshape.join(',')}]`);
}
