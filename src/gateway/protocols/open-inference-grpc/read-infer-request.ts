import { tensorDatatypes, type Tensor, type TensorDatatype } from '../../../core/inference/index.ts';
import type { MemoryReference, SharedMemoryRegions } from '../open-inference-control/index.ts';
import { refuse, type InferenceCommand, type WantedOutput } from '../open-inference-tensors/index.ts';
import type {
  InferParameter,
  ModelInferRequest,
  ModelInferRequest_InferInputTensor as InputTensor,
  ModelInferRequest_InferRequestedOutputTensor as OutputTensor,
} from '../grpc/generated/index.ts';
import { readParameters, readText, readWhole } from './rpc-parameters.ts';
import { packContents } from './typed-contents.ts';

/** A request as it was sent, with what is still to be fetched from shared memory. */
export interface InferOrder {
  readonly command: InferenceCommand;
  /** Outputs that do not travel: where the caller wants them. Undefined when all do. */
  readonly outputMemory?: ReadonlyMap<string, MemoryReference>;
}

const MOST_TENSORS = 4096;
const MOST_DIMENSIONS = 64;

/** Reads a request. Gives a promise only when an input is in shared memory. Throws `invalid_request` with Triton's words. */
export function readInferRequest(message: ModelInferRequest, regions: SharedMemoryRegions): InferOrder | Promise<InferOrder> {
  checkCounts(message);
  let rawIndex = 0;
  let isPending = false;
  const inputs = message.inputs.map((input) => {
    const part = readMemory(input.parameters);
    if (part !== undefined) {
      if (input.contents !== undefined)
        throw refuse(
          `unexpected 'content' provided when using shared memory for input tensor '${input.name}' for model '${message.modelName}'`,
        );
      isPending = true;
      return regions.read(part).then((data) => tensorOf(input, data));
    }
    return tensorOf(input, input.contents === undefined ? rawOf(message, input, rawIndex++) : typedOf(message, input));
  });
  const rest = readRest(message, regions);
  if (!isPending) return { ...rest, command: { ...rest.command, inputs: inputs as Tensor[] } };
  return Promise.all(inputs).then((tensors) => ({ ...rest, command: { ...rest.command, inputs: tensors } }));
}

function checkCounts({ inputs, outputs, modelName }: ModelInferRequest): void {
  if (Math.max(inputs.length, outputs.length) > MOST_TENSORS)
    throw refuse(`at most ${MOST_TENSORS} inputs and outputs are possible in a request for model '${modelName}'`);
  const input = inputs.find(({ shape }) => shape.length > MOST_DIMENSIONS);
  if (input !== undefined)
    throw refuse(`the shape of inference input '${input.name}' may have at most ${MOST_DIMENSIONS} dimensions`);
}

function readRest(message: ModelInferRequest, regions: SharedMemoryRegions): InferOrder {
  let outputMemory: Map<string, MemoryReference> | undefined;
  const outputs = message.outputs.map((output): WantedOutput => {
    const part = readMemory(output.parameters);
    if (part !== undefined) {
      regions.check(part);
      outputMemory ??= new Map();
      outputMemory.set(output.name, part);
    }
    return wantedOf(output, part);
  });
  const command = { id: message.id, inputs: [], outputs, parameters: readParameters(message.parameters) };
  return outputMemory === undefined ? { command } : { command, outputMemory };
}

function wantedOf({ name, parameters }: OutputTensor, memory: MemoryReference | undefined): WantedOutput {
  const classification = readWhole(parameters, 'classification');
  if (classification === undefined) return { name };
  if (classification === 0) throw refuse("invalid value for 'classification' parameter, expected value > 0.");
  if (memory !== undefined) throw refuse("shared memory can't be set for outputs with 'classification' parameter");
  return { name, classification };
}

function rawOf({ rawInputContents, modelName }: ModelInferRequest, input: InputTensor, index: number): Uint8Array {
  const raw = rawInputContents[index];
  if (raw === undefined)
    throw refuse(`unable to find data for input tensor '${input.name}' for model '${modelName}' in request.`);
  return raw;
}

function typedOf({ rawInputContents, modelName }: ModelInferRequest, input: InputTensor): Uint8Array {
  if (rawInputContents.length > 0)
    throw refuse(
      `contents field must not be specified when using raw_input_contents for '${input.name}' for model '${modelName}'`,
    );
  return input.contents === undefined
    ? new Uint8Array(0)
    : packContents(input.contents, input.datatype, { input: input.name, model: modelName });
}

const DATATYPES: ReadonlySet<string> = new Set(tensorDatatypes);

function tensorOf({ name, datatype, shape }: InputTensor, data: Uint8Array): Tensor {
  if (!isDatatype(datatype)) throw refuse(`inference input '${name}' has an unknown data-type '${datatype.slice(0, 32)}'`);
  return { name, datatype, shape: shape.map((size) => dimension(name, size)), data };
}

function isDatatype(datatype: string): datatype is TensorDatatype {
  return DATATYPES.has(datatype);
}

function dimension(name: string, size: bigint): number {
  const number = Number(size);
  if (number < 0) throw refuse(`the shape of inference input '${name}' has the dimension ${size}, which is negative.`);
  if (Number.isSafeInteger(number)) return number;
  throw refuse(`the shape of inference input '${name}' has more elements than can be counted.`);
}

function readMemory(parameters: Readonly<Record<string, InferParameter>>): MemoryReference | undefined {
  const region = readText(parameters, 'shared_memory_region');
  const byteSize = readWhole(parameters, 'shared_memory_byte_size');
  const offset = readWhole(parameters, 'shared_memory_offset');
  if (region === undefined) {
    if (byteSize === undefined && offset === undefined) return undefined;
    throw refuse("'shared_memory_region' must be specified along with 'shared_memory_byte_size' and 'shared_memory_offset'");
  }
  if (byteSize === undefined) throw refuse("'shared_memory_byte_size' must be specified along with 'shared_memory_region'");
  return { region, offset: offset ?? 0, byteSize };
}
