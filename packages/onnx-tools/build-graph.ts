import { create, isMessage, type MessageInitShape } from '@bufbuild/protobuf';
import { formatOf, type ElementType } from './element-types.ts';
import {
  AttributeProto_AttributeType as AttributeType,
  AttributeProtoSchema,
  FunctionProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  TensorProtoSchema,
  TypeProtoSchema,
  ValueInfoProtoSchema,
  type AttributeProto,
  type FunctionProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
  type TypeProto,
  type ValueInfoProto,
} from './generated/onnx_pb.ts';

const DEFAULT_OPSET = 17;
const DEFAULT_IR_VERSION = 8;

/** A size, a name of an open size, or −1 for an open size without a name. */
export type Dimension = number | string;

/** A number that stays a float where it is whole; see {@link float}. */
export interface FloatAttribute {
  readonly floats: number | readonly number[];
}

/** What an attribute of an operation may be: whole numbers and bigints become ints, other numbers floats. */
export type AttributeValue =
  | number
  | bigint
  | string
  | readonly number[]
  | readonly bigint[]
  | readonly string[]
  | FloatAttribute
  | TensorProto
  | GraphProto;

/** The parts of a graph. Operations stand in an order in which every value is computed before it is used. */
export interface GraphParts {
  readonly name?: string;
  readonly inputs?: readonly ValueInfoProto[];
  readonly outputs: readonly ValueInfoProto[];
  readonly initializers?: readonly TensorProto[];
  readonly operations: readonly NodeProto[];
}

/** A graph and what a model file says beside it. */
export interface ModelParts extends GraphParts {
  /** Of the default domain; 17 when absent. */
  readonly opset?: number;
  /** 8 when absent. */
  readonly irVersion?: number;
  /** Versions of further operator domains: `{ 'com.microsoft': 1 }`. */
  readonly domains?: Readonly<Record<string, number>>;
  readonly functions?: readonly FunctionProto[];
  readonly producer?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** A value that an attribute takes as float (or floats), although it is whole: `float(1)`. */
export function float(value: number | readonly number[]): FloatAttribute {
  return { floats: value };
}

/** A tensor that goes into or comes out of a graph. Without `dims` even the rank is open. */
export function port(name: string, datatype: ElementType, dims?: readonly Dimension[]): ValueInfoProto {
  return create(ValueInfoProtoSchema, { name, type: tensorType(datatype, dims) });
}

/** A sequence of tensors that goes into or comes out of a graph. */
export function sequencePort(name: string, datatype: ElementType, dims?: readonly Dimension[]): ValueInfoProto {
  const elemType = tensorType(datatype, dims);
  return create(ValueInfoProtoSchema, { name, type: { value: { case: 'sequenceType', value: { elemType } } } });
}

function tensorType(datatype: ElementType, dims?: readonly Dimension[]): TypeProto {
  const shape = dims && { dim: dims.map((size) => ({ value: dimensionOf(size) })) };
  const elemType = formatOf(datatype).code;
  return create(TypeProtoSchema, { value: { case: 'tensorType', value: shape ? { elemType, shape } : { elemType } } });
}

function dimensionOf(
  size: Dimension,
): { case: 'dimParam'; value: string } | { case: 'dimValue'; value: bigint } | { case: undefined } {
  if (typeof size === 'string') return { case: 'dimParam', value: size };
  return size < 0 ? { case: undefined } : { case: 'dimValue', value: BigInt(size) };
}

/** What an operation has beside its inputs. */
export interface OperationParts {
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  readonly name?: string;
  /** The default domain when absent. */
  readonly domain?: string;
}

/** One operation of a graph. An empty string among its inputs or outputs leaves an optional one out. */
export function operation(opType: string, inputs: readonly string[], rest: readonly string[] | OperationParts): NodeProto {
  const { outputs, attributes = {}, name, domain }: OperationParts = isOutputs(rest) ? { outputs: rest } : rest;
  return create(NodeProtoSchema, {
    opType,
    input: [...inputs],
    output: [...outputs],
    attribute: Object.entries(attributes).map(([key, value]) => attributeOf(key, value)),
    ...(name === undefined ? {} : { name }),
    ...(domain === undefined ? {} : { domain }),
  });
}

function isOutputs(rest: readonly string[] | OperationParts): rest is readonly string[] {
  return Array.isArray(rest);
}

function attributeOf(name: string, value: AttributeValue): AttributeProto {
  if (typeof value === 'string') return attribute(name, { type: AttributeType.STRING, s: utf8(value) });
  if (typeof value === 'bigint') return attribute(name, { type: AttributeType.INT, i: value });
  if (typeof value === 'number') {
    if (!Number.isInteger(value)) return attribute(name, { type: AttributeType.FLOAT, f: value });
    return attribute(name, { type: AttributeType.INT, i: BigInt(value) });
  }
  if (isMessage(value, TensorProtoSchema)) return attribute(name, { type: AttributeType.TENSOR, t: value });
  if (isMessage(value, GraphProtoSchema)) return attribute(name, { type: AttributeType.GRAPH, g: value });
  if ('floats' in value) {
    if (typeof value.floats === 'number') return attribute(name, { type: AttributeType.FLOAT, f: value.floats });
    return attribute(name, { type: AttributeType.FLOATS, floats: [...value.floats] });
  }
  return listAttributeOf(name, value);
}

function listAttributeOf(name: string, values: readonly (number | bigint | string)[]): AttributeProto {
  if (values.some((value) => typeof value === 'string')) {
    return attribute(name, { type: AttributeType.STRINGS, strings: values.map((value) => utf8(String(value))) });
  }
  if (values.some((value) => typeof value === 'number' && !Number.isInteger(value))) {
    return attribute(name, { type: AttributeType.FLOATS, floats: values.map(Number) });
  }
  return attribute(name, { type: AttributeType.INTS, ints: values.map(BigInt) });
}

function attribute(name: string, fields: MessageInitShape<typeof AttributeProtoSchema>): AttributeProto {
  return create(AttributeProtoSchema, { name, ...fields });
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** A graph: the body of a model, or of an `If`, `Loop` or `Scan`. */
export function buildGraph(parts: GraphParts): GraphProto {
  return create(GraphProtoSchema, {
    name: parts.name ?? 'graph',
    node: [...parts.operations],
    input: [...(parts.inputs ?? [])],
    output: [...parts.outputs],
    initializer: [...(parts.initializers ?? [])],
  });
}

/** The parts of a function. */
export interface FunctionParts {
  readonly domain: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly operations: readonly NodeProto[];
  /** 17 when absent. */
  readonly opset?: number;
}

/** An operation of a model's own, made of others; an `operation` of that name and domain calls it. */
export function buildFunction(parts: FunctionParts): FunctionProto {
  return create(FunctionProtoSchema, {
    domain: parts.domain,
    name: parts.name,
    input: [...parts.inputs],
    output: [...parts.outputs],
    node: [...parts.operations],
    opsetImport: [{ domain: '', version: BigInt(parts.opset ?? DEFAULT_OPSET) }],
  });
}

/** A whole model, ready for `writeModel`. */
export function buildModel(parts: ModelParts): ModelProto {
  const domains = Object.entries(parts.domains ?? {}).map(([domain, version]) => ({ domain, version: BigInt(version) }));
  return create(ModelProtoSchema, {
    irVersion: BigInt(parts.irVersion ?? DEFAULT_IR_VERSION),
    producerName: parts.producer ?? 'plinth',
    graph: buildGraph(parts),
    opsetImport: [{ domain: '', version: BigInt(parts.opset ?? DEFAULT_OPSET) }, ...domains],
    functions: [...(parts.functions ?? [])],
    metadataProps: Object.entries(parts.metadata ?? {}).map(([key, value]) => ({ key, value })),
  });
}
