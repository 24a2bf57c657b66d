import { tensorDatatypes, type Tensor, type TensorDatatype, type TensorParameter } from '../../../core/inference/index.ts';
import type { MemoryReference } from '../open-inference-control/index.ts';
import { refuse } from '../open-inference-tensors/index.ts';
import { InexactNumber, isFields, parseExactJson, parseJson, requireFields, type JsonFields } from './json-text.ts';
import { dataFromJson } from './json-tensors.ts';

/** An output as the body asks for it. */
export interface BodyOutput {
  readonly name: string;
  readonly form: 'json' | 'binary';
  readonly classification?: number;
  /** Where it goes, instead of into the answer. */
  readonly memory?: MemoryReference;
}

/** The body of an inference call. Inputs in shared memory have no bytes yet: `memory` says where they are, by place in `inputs`. */
export interface InferBody {
  readonly id: string;
  readonly parameters: ReadonlyMap<string, TensorParameter>;
  readonly inputs: readonly Tensor[];
  readonly memory: ReadonlyMap<number, MemoryReference>;
  readonly outputs: readonly BodyOutput[];
  /** The form of outputs when none is listed. */
  readonly defaultForm: BodyOutput['form'];
}

const NO_PARAMETERS: ReadonlyMap<string, TensorParameter> = new Map();
const NO_MEMORY: ReadonlyMap<number, MemoryReference> = new Map();
const EMPTY = new Uint8Array(0);
const MOST_TENSORS = 4096;
const MOST_DIMENSIONS = 64;
const DATATYPES: ReadonlySet<string> = new Set(tensorDatatypes);

/** Reads a body: JSON, and behind it the bytes of inputs, in their order, as views. Throws `invalid_request` with Triton's words. */
export function parseInferBody(json: Buffer, binary: Uint8Array, modelName: string): InferBody {
  try {
    return readBody(requireFields(parseJson(json), 'request'), binary, modelName);
  } catch (thrown) {
    if (!(thrown instanceof InexactNumber)) throw thrown;
  }
  try {
    return readBody(requireFields(parseExactJson(json), 'request'), binary, modelName);
  } catch (thrown) {
    if (!(thrown instanceof InexactNumber)) throw thrown;
    throw refuse("Unable to parse 'data': attempt to access JSON non-signed-integer as signed-integer");
  }
}

function readBody(fields: JsonFields, binary: Uint8Array, modelName: string): InferBody {
  const parameters = readParameters(fields['parameters']);
  const bytes = new BinaryPart(binary, modelName);
  const memory = new Map<number, MemoryReference>();
  const inputs = requireList(fields['inputs'], 'inputs').map((value, index) =>
    readInput(value, bytes, (reference) => memory.set(index, reference)),
  );
  bytes.requireUsedUp();
  const outputs = fields['outputs'] === undefined ? [] : requireList(fields['outputs'], 'outputs').map(readOutput);
  const defaultForm = takeDefaultForm(parameters);
  return { id: readId(fields['id']), parameters, inputs, memory: memory.size === 0 ? NO_MEMORY : memory, outputs, defaultForm };
}

/** The binary part of a body, taken piece by piece. */
class BinaryPart {
  readonly #bytes: Uint8Array;
  readonly #modelName: string;
  #offset = 0;

  constructor(bytes: Uint8Array, modelName: string) {
    this.#bytes = bytes;
    this.#modelName = modelName;
  }

  take(name: string, size: number): Uint8Array {
    const missing = this.#offset + size - this.#bytes.byteLength;
    if (missing > 0)
      throw refuse(`unexpected size for input '${name}', expecting ${missing} additional bytes for model '${this.#modelName}'`);
    const start = this.#offset;
    this.#offset += size;
    return this.#bytes.subarray(start, this.#offset);
  }

  requireUsedUp(): void {
    if (this.#offset < this.#bytes.byteLength) throw refuse(`unexpected additional input data for model '${this.#modelName}'`);
  }
}

function readId(value: unknown): string {
  if (value === undefined) return '';
  if (typeof value === 'string') return value;
  throw refuse("Unable to parse 'id': attempt to access JSON non-string as string");
}

function readParameters(value: unknown): ReadonlyMap<string, TensorParameter> {
  if (value === undefined) return NO_PARAMETERS;
  const fields = requireFields(value, "'parameters'");
  return new Map(Object.entries(fields).map(([name, one]) => [name, readParameter(name, one)]));
}

/** Throws {@link InexactNumber} for a whole number that a double does not hold. */
export function readParameter(name: string, value: unknown): TensorParameter {
  if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)) throw new InexactNumber();
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint')
    return value;
  throw refuse(`parameter '${name.slice(0, 64)}' has invalid type. It should be either 'bool', 'int', 'double' or 'string'.`);
}

function takeDefaultForm(parameters: ReadonlyMap<string, TensorParameter>): BodyOutput['form'] {
  const value = parameters.get('binary_data_output') ?? false;
  if (typeof value !== 'boolean')
    throw refuse("Unable to parse 'binary_data_output': attempt to access JSON non-boolean as boolean");
  return value ? 'binary' : 'json';
}

function requireList(value: unknown, name: string): readonly unknown[] {
  if (!Array.isArray(value)) {
    const reason =
      value === undefined
        ? `attempt to access non-existing object member '${name}'`
        : 'attempt to access JSON non-array as array';
    throw refuse(`Unable to parse '${name}': ${reason}`);
  }
  if (value.length > MOST_TENSORS) throw refuse(`Unable to parse '${name}': at most ${MOST_TENSORS} are possible`);
  return value;
}

function requireText(fields: JsonFields, name: string): string {
  const value = fields[name];
  if (typeof value === 'string') return value;
  const reason =
    value === undefined
      ? `attempt to access non-existing object member '${name}'`
      : 'attempt to access JSON non-string as string';
  throw refuse(`Unable to parse '${name}': ${reason}`);
}

function readInput(value: unknown, bytes: BinaryPart, putMemory: (reference: MemoryReference) => void): Tensor {
  const fields = requireFields(value, "'inputs'");
  const parameters = isFields(fields['parameters']) ? fields['parameters'] : undefined;
  const size = parameters?.['binary_data_size'];
  const region = parameters?.['shared_memory_region'];
  if (Number(fields['data'] !== undefined) + Number(size !== undefined) + Number(region !== undefined) !== 1)
    throw refuse(describeSources(fields['data'], size, region));
  const head = { name: requireText(fields, 'name'), datatype: readDatatype(fields), shape: readShape(fields['shape']) };
  if (size !== undefined) return { ...head, data: bytes.take(head.name, readUnsigned('binary_data_size', size)) };
  if (parameters === undefined || region === undefined) return { ...head, data: dataFromJson(head, fields['data']) };
  putMemory(readMemory(parameters));
  return { ...head, data: EMPTY };
}

function describeSources(data: unknown, size: unknown, region: unknown): string {
  const found = [
    data === undefined ? '' : " 'data'",
    size === undefined ? '' : " 'binary_data_size'",
    region === undefined ? '' : " 'shared_memory_region'",
  ].join('');
  const came = found === '' ? ' no field is set' : ` set${found}`;
  return `Input must set only one of the following fields: 'data', 'binary_data_size' in 'parameters', 'shared_memory_region' in 'parameters'. But${came}`;
}

function readDatatype(fields: JsonFields): TensorDatatype {
  const datatype = requireText(fields, 'datatype');
  if (isDatatype(datatype)) return datatype;
  throw refuse(`invalid datatype for input ${requireText(fields, 'name')}`);
}

function isDatatype(text: string): text is TensorDatatype {
  return DATATYPES.has(text);
}

function readShape(value: unknown): readonly number[] {
  if (!Array.isArray(value)) throw refuse("Unable to parse 'shape': attempt to access JSON non-array as array");
  if (value.length > MOST_DIMENSIONS) throw refuse(`Unable to parse 'shape': at most ${MOST_DIMENSIONS} dimensions are possible`);
  for (const size of value as readonly unknown[]) readUnsigned('shape', size);
  return value as readonly number[];
}

function readUnsigned(name: string, value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw refuse(`Unable to parse '${name}': attempt to access JSON non-unsigned-integer as unsigned-integer`);
}

function readMemory(parameters: JsonFields): MemoryReference {
  const region = parameters['shared_memory_region'];
  if (typeof region !== 'string')
    throw refuse("Unable to parse 'shared_memory_region': attempt to access JSON non-string as string");
  const offset = readUnsigned('shared_memory_offset', parameters['shared_memory_offset'] ?? 0);
  return { region, offset, byteSize: readUnsigned('shared_memory_byte_size', parameters['shared_memory_byte_size'] ?? 0) };
}

function readOutput(value: unknown): BodyOutput {
  const fields = requireFields(value, "'outputs'");
  const name = requireText(fields, 'name');
  const { parameters } = fields;
  if (!isFields(parameters)) return { name, form: 'json' };
  const isBinary = parameters['binary_data'] ?? false;
  if (typeof isBinary !== 'boolean') throw refuse("Unable to parse 'binary_data': attempt to access JSON non-boolean as boolean");
  const classes = parameters['classification'];
  if (parameters['shared_memory_region'] === undefined) {
    const form = isBinary ? 'binary' : 'json';
    return classes === undefined ? { name, form } : { name, form, classification: readUnsigned('classification', classes) };
  }
  if (classes !== undefined) throw refuse("Output can't set both 'shared_memory_region' and 'classification'");
  if (isBinary) throw refuse("Output can't set both 'shared_memory_region' and 'binary_data'");
  return { name, form: 'json', memory: readMemory(parameters) };
}
