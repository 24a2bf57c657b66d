import { create } from '@bufbuild/protobuf';
import { graphsOf } from './describe-model.ts';
import { elementFormats, rawBytesOf } from './element-types.ts';
import {
  StringStringEntryProtoSchema,
  TensorProto_DataLocation as Location,
  type ModelProto,
  type TensorProto,
} from './generated/onnx_pb.ts';
import { OnnxToolsError } from './onnx-tools-error.ts';

const ALIGNMENT = 4_096;
const DEFAULT_SMALLEST_BYTES = 1_024;

/** How weights are moved out of a model. */
export interface SplitOptions {
  /** Name of the file that they move to, relative to the model's folder: `model.onnx_data`. */
  readonly location: string;
  /** Weights of fewer bytes stay; 1,024 when absent. */
  readonly smallestBytes?: number;
}

/**
 * Moves raw weights of initializers to a second file, in place. Returns its content in pieces to be written one after the other, each
 * weight on a page of 4,096 bytes so that it can be mapped.
 */
export function splitWeights(model: ModelProto, options: SplitOptions): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let position = 0;
  for (const weight of initializersOf(model)) {
    const { rawData } = weight;
    if (weight.dataLocation === Location.EXTERNAL || rawData.length < (options.smallestBytes ?? DEFAULT_SMALLEST_BYTES)) continue;
    const gap = (ALIGNMENT - (position % ALIGNMENT)) % ALIGNMENT;
    if (gap > 0) pieces.push(new Uint8Array(gap));
    pieces.push(rawData);
    const place = { location: options.location, offset: position + gap, length: rawData.length };
    position += gap + rawData.length;
    Reflect.deleteProperty(weight, 'rawData');
    weight.dataLocation = Location.EXTERNAL;
    weight.externalData = Object.entries(place).map(([key, value]) =>
      create(StringStringEntryProtoSchema, { key, value: String(value) }),
    );
  }
  return pieces;
}

/**
 * Takes weights back into a model, in place; `files` by the names that the model gives them. The weights are views of `files`. Throws
 * OnnxToolsError for a file that is not there and for a weight that is not whole in it.
 */
export function joinWeights(model: ModelProto, files: ReadonlyMap<string, Uint8Array>): void {
  for (const weight of initializersOf(model)) {
    if (weight.dataLocation !== Location.EXTERNAL) continue;
    weight.rawData = readOutside(weight, files);
    weight.externalData = [];
    Reflect.deleteProperty(weight, 'dataLocation');
  }
}

function initializersOf({ graph }: ModelProto): TensorProto[] {
  return graph === undefined ? [] : [...graphsOf(graph)].flatMap(({ initializer }) => initializer);
}

function readOutside({ name, dataType, dims, externalData }: TensorProto, files: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const entry = (key: string) => externalData.find((one) => one.key === key)?.value;
  const location = entry('location') ?? '';
  const file = files.get(location);
  if (file === undefined) throw new OnnxToolsError(`weight "${name}" lies in "${location}", which is not among the files`);
  const format = elementFormats.get(dataType);
  if (format === undefined) throw new OnnxToolsError(`weight "${name}" has the unknown type ${dataType}`);
  const bytes = rawBytesOf(format, Number(dims.reduce((product, size) => product * size, 1n)));
  const offset = Number(entry('offset') ?? 0);
  if (!(offset >= 0 && offset + bytes <= file.length)) {
    throw new OnnxToolsError(`weight "${name}" ends at byte ${offset + bytes} of "${location}", which has ${file.length}`);
  }
  return file.subarray(offset, offset + bytes);
}
