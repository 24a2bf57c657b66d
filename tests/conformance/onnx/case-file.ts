import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import {
  elementFormats,
  readModel,
  tensor as makeTensor,
  type ElementFormat,
  type OnnxPort,
  type OnnxTensor,
} from '../../../packages/onnx-tools/index.ts';
import { TensorProtoSchema } from '../../../packages/onnx-tools/generated/onnx_pb.ts';
import { tensorDatatypes, type Tensor, type TensorDatatype } from '../../../src/core/inference/index.ts';

/** One call of a model, with the answer that its authors computed. */
export interface CaseData {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
}

export interface ConformanceCase {
  readonly name: string;
  readonly modelFile: string;
  /** Empty when `notTensors` says why the case cannot be said in the words of Open Inference. */
  readonly data: readonly CaseData[];
  readonly notTensors?: string;
}

/** Reads a folder as the package onnx lays it out: model.onnx and test_data_set_N with input_M.pb and output_M.pb. */
export function readCase(folder: string): ConformanceCase {
  const modelFile = join(folder, 'model.onnx');
  const facts = { name: basename(folder), modelFile };
  const graph = readModel(readFileSync(modelFile)).graph;
  const [inputs, outputs] = [graph?.input ?? [], graph?.output ?? []];
  const foreign = [...inputs, ...outputs].map(describeForeign).find((text) => text !== undefined);
  if (foreign !== undefined) return { ...facts, data: [], notTensors: foreign };
  const sets = readdirSync(folder).filter((entry) => entry.startsWith('test_data_set_'));
  const data = sets.toSorted().map((set): CaseData => ({
    inputs: readValues(join(folder, set), { prefix: 'input', ports: inputs }),
    outputs: readValues(join(folder, set), { prefix: 'output', ports: outputs }),
  }));
  return { ...facts, data };
}

/** Why a port cannot be a tensor of Open Inference; undefined when it can. */
function describeForeign({ type }: OnnxPort): string | undefined {
  if (type?.value.case !== 'tensorType') return (type?.value.case ?? 'no type').replace(/Type$/, '');
  const code = type.value.value.elemType;
  const datatype = elementFormats.get(code)?.type;
  return isDatatype(datatype) ? undefined : (datatype ?? `element type ${code}`);
}

function isDatatype(name: string | undefined): name is TensorDatatype {
  return (tensorDatatypes as readonly (string | undefined)[]).includes(name);
}

interface Values {
  readonly prefix: 'input' | 'output';
  readonly ports: readonly OnnxPort[];
}

/** A model may have more inputs than a case gives: those with a value of their own. */
function readValues(folder: string, { prefix, ports }: Values): Tensor[] {
  const count = readdirSync(folder).filter((entry) => entry.startsWith(`${prefix}_`)).length;
  return ports.slice(0, count).map(({ name }, index) => {
    const proto = fromBinary(TensorProtoSchema, readFileSync(join(folder, `${prefix}_${index}.pb`)));
    return { ...readTensor(proto), name };
  });
}

function readTensor(proto: OnnxTensor): Omit<Tensor, 'name'> {
  const format = elementFormats.get(proto.dataType);
  if (format === undefined || !isDatatype(format.type)) throw new TypeError(`a tensor of element type ${proto.dataType}`);
  return { datatype: format.type, shape: proto.dims.map(Number), data: readData(proto, format) };
}

function readData(proto: OnnxTensor, { type, list }: ElementFormat): Uint8Array {
  if (type === 'BYTES') return packStrings(proto.stringData);
  if (proto.rawData.length > 0) return proto.rawData;
  // Half-wide floats lie in the list as their bits.
  const carrier = type === 'FP16' || type === 'BF16' ? 'UINT16' : type;
  const values = [...(proto[list] as readonly (number | bigint)[])];
  return makeTensor('', carrier, { dims: [values.length], values }).rawData;
}

function packStrings(strings: readonly Uint8Array[]): Uint8Array {
  const pieces = strings.flatMap((bytes) => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(bytes.length);
    return [length, bytes];
  });
  return new Uint8Array(Buffer.concat(pieces));
}
