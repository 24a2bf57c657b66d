import { elementFormats, rawBytesOf, type ElementType } from './element-types.ts';
import type { GraphProto, ModelProto, TensorProto, TensorShapeProto, TypeProto, ValueInfoProto } from './generated/onnx_pb.ts';
import { OnnxToolsError } from './onnx-tools-error.ts';

/** Before this version of the format, every weight had to be listed among the inputs as well. */
const FIRST_VERSION_WITH_OPTIONAL_INPUTS = 4n;

/** An input or output of a graph. */
export interface PortDescription {
  readonly name: string;
  readonly kind: 'tensor' | 'sequence' | 'map' | 'sparse-tensor' | 'opaque';
  /** Of the tensor, or of the tensors in the sequence; absent for what has no elements or an element type unknown here. */
  readonly datatype: ElementType | undefined;
  /** −1 where a size is open; absent where even the rank is. */
  readonly shape: readonly number[] | undefined;
  /** Names of open sizes, by place. */
  readonly symbols: ReadonlyArray<string | undefined>;
  /** The graph has a value of its own for this input, or its type is optional. */
  readonly isOptional: boolean;
}

/** What a model file says of itself. */
export interface ModelDescription {
  readonly inputs: readonly PortDescription[];
  readonly outputs: readonly PortDescription[];
  readonly irVersion: number;
  /** Of the default operator domain; 0 when the file names none. */
  readonly opset: number;
  /** All operator domains with their versions. */
  readonly domains: Readonly<Record<string, number>>;
  /** Name and version of the exporter; empty when the file does not say. */
  readonly producer: string;
  readonly operationCount: number;
  /** Elements of all initializers and constants, those of inner graphs included. */
  readonly parameterCount: number;
  /** What these take as raw bytes, wherever they lie. */
  readonly weightBytes: number;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Describes a model without its weights' values. Throws OnnxToolsError for a model without a graph. */
export function describeModel(model: ModelProto): ModelDescription {
  const { graph } = model;
  if (graph === undefined) throw new OnnxToolsError('the model has no graph');
  const constants = new Set(graph.initializer.map(({ name }) => name));
  const hasOptionalInputs = model.irVersion >= FIRST_VERSION_WITH_OPTIONAL_INPUTS;
  const domains = Object.fromEntries(model.opsetImport.map(({ domain, version }) => [domain, Number(version)]));
  const graphs = [...graphsOf(graph)];
  const weights = graphs.flatMap(tensorsOf).map(measure);
  return {
    inputs: graph.input
      .filter(({ name }) => hasOptionalInputs || !constants.has(name))
      .map((input) => describePort(input, constants.has(input.name) ? 'optional' : 'required')),
    outputs: graph.output.map((output) => describePort(output, 'required')),
    irVersion: Number(model.irVersion),
    opset: domains[''] ?? domains['ai.onnx'] ?? 0,
    domains,
    producer: [model.producerName, model.producerVersion].filter((part) => part !== '').join(' '),
    operationCount: graphs.reduce((sum, { node }) => sum + node.length, 0),
    parameterCount: weights.reduce((sum, { elements }) => sum + elements, 0),
    weightBytes: weights.reduce((sum, { bytes }) => sum + bytes, 0),
    metadata: Object.fromEntries(model.metadataProps.map(({ key, value }) => [key, value])),
  };
}

/** A graph and those inside its operations, outermost first. */
export function* graphsOf(graph: GraphProto): Generator<GraphProto> {
  yield graph;
  for (const { attribute } of graph.node) {
    for (const { g, graphs } of attribute) {
      if (g !== undefined) yield* graphsOf(g);
      for (const inner of graphs) yield* graphsOf(inner);
    }
  }
}

function tensorsOf({ initializer, node }: GraphProto): TensorProto[] {
  const attributes = node.flatMap(({ attribute }) => attribute);
  return [...initializer, ...attributes.flatMap(({ t, tensors }) => (t === undefined ? tensors : [t, ...tensors]))];
}

function measure({ dataType, dims, name, stringData }: TensorProto): { elements: number; bytes: number } {
  const format = elementFormats.get(dataType);
  if (format === undefined) throw new OnnxToolsError(`tensor "${name}" has the unknown type ${dataType}`);
  const elements = dims.reduce((product, size) => product * Number(size), 1);
  const bytes = format.bits === 0 ? stringData.reduce((sum, text) => sum + text.length, 0) : rawBytesOf(format, elements);
  return { elements, bytes };
}

function describePort({ name, type }: ValueInfoProto, need: 'optional' | 'required'): PortDescription {
  const described = describeType(type);
  return { name, ...described, isOptional: described.isOptional || need === 'optional' };
}

function describeType(type: TypeProto | undefined): Omit<PortDescription, 'name'> {
  const unknown = { datatype: undefined, shape: undefined, symbols: [], isOptional: false };
  switch (type?.value.case) {
    case 'tensorType':
      return { kind: 'tensor', ...describeElements(type.value.value) };
    case 'sparseTensorType':
      return { kind: 'sparse-tensor', ...describeElements(type.value.value) };
    case 'sequenceType':
      return { ...describeType(type.value.value.elemType), kind: 'sequence' };
    case 'optionalType':
      return { ...describeType(type.value.value.elemType), isOptional: true };
    case 'mapType':
      return { kind: 'map', ...unknown };
    default:
      return { kind: 'opaque', ...unknown };
  }
}

function describeElements(type: {
  elemType: number;
  shape?: TensorShapeProto | undefined;
}): Omit<PortDescription, 'name' | 'kind'> {
  const dims = type.shape?.dim.map(({ value }) => value);
  return {
    datatype: elementFormats.get(type.elemType)?.type,
    shape: dims?.map((size) => (size.case === 'dimValue' ? Number(size.value) : -1)),
    symbols:
      dims?.map((size) => (size.case === 'dimParam' && size.value !== '' && size.value !== '?' ? size.value : undefined)) ?? [],
    isOptional: false,
  };
}
