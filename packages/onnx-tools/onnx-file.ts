import { create, fromBinary, toBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { GraphProtoSchema, ModelProtoSchema, TensorProtoSchema, type ModelProto } from './generated/onnx_pb.ts';
import { OnnxToolsError } from './onnx-tools-error.ts';

/** The format's own bound: lengths in a protobuf are 31 bits. Larger weights lie in files of their own. */
const MAX_FILE_BYTES = 2 ** 31 - 1;

/**
 * Decodes a model. Weights stay views of `bytes`, which must not change afterwards; fields that the schema does not know are kept.
 * Trusts counts and shapes: screen a stranger's file first. Throws OnnxToolsError.
 */
export function readModel(bytes: Uint8Array): ModelProto {
  if (bytes.length > MAX_FILE_BYTES) throw new OnnxToolsError(`the model has ${bytes.length} bytes, at most ${MAX_FILE_BYTES}`);
  const model = decode(bytes);
  if (model.graph === undefined) throw new OnnxToolsError('the model has no graph');
  return model;
}

function decode(bytes: Uint8Array): ModelProto {
  try {
    return fromBinary(ModelProtoSchema, bytes);
  } catch (error) {
    throw new OnnxToolsError(`no ONNX model: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

/** Encodes a model, fields in the order of their numbers as all common writers do. Throws OnnxToolsError past 2 GiB. */
export function writeModel(model: ModelProto): Uint8Array {
  return Buffer.concat(writeModelPieces(model));
}

/** As {@link writeModel}, in pieces to be written one after the other: the weights are those of the model, not copied. */
export function writeModelPieces(model: ModelProto): Uint8Array[] {
  const graph = model.graph && writeGraph(model.graph);
  const pieces = surround(ModelProtoSchema, model, { number: 7, inside: graph ? asField(7, graph) : [] });
  const bytes = bytesIn(pieces);
  if (bytes > MAX_FILE_BYTES) {
    throw new OnnxToolsError(`the model takes ${bytes} bytes, at most ${MAX_FILE_BYTES}: move its weights to external data`);
  }
  return pieces;
}

function writeGraph(graph: MessageShape<typeof GraphProtoSchema>): Uint8Array[] {
  const inside = graph.initializer.flatMap((weight) => {
    // A field of raw bytes that is there and empty is written as well.
    const hasRaw = Object.hasOwn(weight, 'rawData');
    return asField(5, surround(TensorProtoSchema, weight, { number: 9, inside: hasRaw ? asField(9, [weight.rawData]) : [] }));
  });
  return surround(GraphProtoSchema, graph, { number: 5, inside });
}

/** The fields before and after the one of `number`, which is written already. */
function surround<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
  { number, inside }: { number: number; inside: readonly Uint8Array[] },
): Uint8Array[] {
  const before = pick(schema, message, (field) => field < number);
  const after = pick(schema, message, (field) => field > number);
  if (message.$unknown !== undefined) after.$unknown = message.$unknown;
  return [toBinary(schema, before), ...inside, toBinary(schema, after)].filter((piece) => piece.length > 0);
}

function pick<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
  keeps: (field: number) => boolean,
): MessageShape<Desc> {
  const names = schema.fields.filter(({ number }) => keeps(number)).map(({ localName }) => localName);
  const own = Object.entries(message).filter(([name]) => names.includes(name));
  return Object.assign(create(schema), Object.fromEntries(own));
}

function asField(number: number, pieces: readonly Uint8Array[]): Uint8Array[] {
  const head = new BinaryWriter().tag(number, WireType.LengthDelimited).uint32(bytesIn(pieces)).finish();
  return [head, ...pieces];
}

function bytesIn(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0);
}
