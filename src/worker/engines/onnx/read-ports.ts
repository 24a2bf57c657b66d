import koffi from 'koffi';
import { PlinthError } from '../../../core/errors/index.ts';
import type { GraphPort } from '../../graph.ts';
import { datatypeOfElement, elementName, type OnnxLibrary, type Pointer } from '../onnx-library/index.ts';

const TENSOR_KIND = 1;
const kindNames = ['unknown', 'tensor', 'sequence', 'map', 'opaque value', 'sparse tensor', 'optional value'];

type PortFunctions = OnnxLibrary['api']['required'];

/**
 * Inputs and outputs of a loaded graph, in the file's order; inputs that have a value of their own come after the others.
 * @throws PlinthError `invalid_model_file` that names a port whose type no caller could send or read.
 */
export function readPorts(library: OnnxLibrary, graph: Pointer): { inputs: GraphPort[]; outputs: GraphPort[] } {
  const { required, overridable, results } = library.api;
  const read = (functions: PortFunctions, role: Role) => readList(library, graph, { functions, ...role });
  return {
    inputs: [...read(required, { role: 'Input', isOptional: false }), ...read(overridable, { role: 'Input', isOptional: true })],
    outputs: read(results, { role: 'Output', isOptional: false }),
  };
}

interface Role {
  readonly role: 'Input' | 'Output';
  readonly isOptional: boolean;
}

interface List extends Role {
  readonly functions: PortFunctions;
}

function readList(library: OnnxLibrary, graph: Pointer, { functions, role, isOptional }: List): GraphPort[] {
  const count = library.size((out) => functions.count(graph, out));
  return Array.from({ length: count }, (_, index) => {
    const name = library.text((out) => functions.nameOf(graph, index, library.allocator, out));
    const type = library.pointer((out) => functions.typeOf(graph, index, out));
    try {
      return { name, isOptional, ...readType(library, type, `${role} '${name}'`) };
    } finally {
      library.api.releaseType(type);
    }
  });
}

type PortType = Omit<GraphPort, 'name' | 'isOptional'>;

function readType(library: OnnxLibrary, type: Pointer, port: string): PortType {
  const { api } = library;
  const kind = library.integer((out) => api.kindOfType(type, out));
  if (kind !== TENSOR_KIND) throw foreign(port, `a ${kindNames[kind] ?? 'value'}`);
  const tensor = library.pointer((out) => api.tensorOfType(type, out));
  const element = library.integer((out) => api.elementTypeOf(tensor, out));
  const datatype = datatypeOfElement(element);
  if (datatype === undefined) throw foreign(port, `a tensor of element type ${elementName(element)}`);
  if (!api.hasShape(tensor)) return { datatype, shape: [], symbols: [], isUnranked: true };
  const rank = library.size((out) => api.rankOf(tensor, out));
  if (rank === 0) return { datatype, shape: [], symbols: [] };
  const dimensions = new BigInt64Array(rank);
  library.check(api.dimensionsOf(tensor, dimensions, rank));
  const names = new BigUint64Array(rank);
  library.check(api.symbolsOf(tensor, names, rank));
  return {
    datatype,
    shape: Array.from(dimensions, Number),
    symbols: Array.from(names, (name) => (name === 0n ? undefined : koffi.decode.string(name) || undefined)),
  };
}

function foreign(port: string, kind: string): PlinthError {
  const message = `${port} of the model is ${kind}, which cannot be sent over any protocol; only tensors of plain numbers, BOOL and strings can.`;
  return new PlinthError({ code: 'invalid_model_file', message });
}
