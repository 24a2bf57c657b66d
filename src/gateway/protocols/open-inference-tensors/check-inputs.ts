import { datatypeBytes, type Tensor } from '../../../core/inference/index.ts';
import type { TensorPort } from '../../../core/models/index.ts';
import { countBytesElements, elementCount, refuse } from './tensor-bytes.ts';

/** What inputs are checked against. */
export interface InputRules {
  readonly name: string;
  readonly inputs: readonly TensorPort[];
  readonly maxBatchSize: number;
}

/**
 * Checks the inputs of a request against the model before anything else sees them: which there are, datatypes, shapes, rows, and that
 * the bytes are as many as the shape says. Throws `invalid_request` with the words of Triton's own check.
 */
export function checkInputs(model: InputRules, inputs: readonly Tensor[]): void {
  checkCount(model, inputs);
  let rows: number | undefined;
  for (const tensor of inputs) {
    const port = portOf(model, tensor.name);
    if (model.maxBatchSize > 0) rows = checkRows(model, tensor, rows);
    checkTensor(model, tensor, port);
  }
  if (rows !== undefined && rows > model.maxBatchSize)
    throw refuse(`inference request batch-size must be <= ${model.maxBatchSize} for '${model.name}'`);
}

function portOf(model: InputRules, name: string): TensorPort {
  for (const port of model.inputs) if (port.name === name) return port;
  throw refuse(`unexpected inference input '${name}' for model '${model.name}'`);
}

function checkCount(model: InputRules, inputs: readonly Tensor[]): void {
  let required = 0;
  let missing = 0;
  for (const port of model.inputs) {
    if (port.isOptional === true) continue;
    required += 1;
    if (!inputs.some((tensor) => tensor.name === port.name)) missing += 1;
  }
  if (inputs.length <= model.inputs.length) refuseTwins(inputs);
  if (inputs.length > model.inputs.length || missing > 0) throw refuse(describeCount(model, inputs, required));
}

function refuseTwins(inputs: readonly Tensor[]): void {
  for (const [index, tensor] of inputs.entries())
    if (inputs.findIndex((other) => other.name === tensor.name) !== index)
      throw refuse(`input '${tensor.name}' already exists in request`);
}

function describeCount(model: InputRules, inputs: readonly Tensor[], required: number): string {
  const most = model.inputs.length;
  const expected = required === most ? `${most} inputs` : `number of inputs between ${required} and ${most}`;
  const missing = model.inputs.filter((port) => port.isOptional !== true && !inputs.some(({ name }) => name === port.name));
  return (
    `expected ${expected} but got ${inputs.length} inputs for model '${model.name}'. Got input(s) ${quoteNames(inputs)}, ` +
    `but missing required input(s) ${quoteNames(missing)}. Please provide all required input(s).`
  );
}

const MOST_NAMES_SHOWN = 32;

function quoteNames(named: ReadonlyArray<{ readonly name: string }>): string {
  const shown = named.slice(0, MOST_NAMES_SHOWN).map(({ name }) => `'${name}'`);
  return `[${shown.join(',')}${named.length > MOST_NAMES_SHOWN ? ',…' : ''}]`;
}

function checkRows(model: InputRules, tensor: Tensor, rows: number | undefined): number {
  const own = tensor.shape[0];
  if (own === undefined)
    throw refuse(`input '${tensor.name}' has no shape but model requires batch dimension for '${model.name}'`);
  if (rows !== undefined && own !== rows)
    throw refuse(`input '${tensor.name}' batch size does not match other inputs for '${model.name}'`);
  return own;
}

function checkTensor(model: InputRules, tensor: Tensor, port: TensorPort): void {
  if (tensor.datatype !== port.datatype)
    throw refuse(
      `inference input '${tensor.name}' data-type is '${tensor.datatype}', but model '${model.name}' expects '${port.datatype}'`,
    );
  if (!fits(tensor.shape, port.dims, model.maxBatchSize > 0 ? 1 : 0)) throw refuse(describeShape(model, tensor, port));
  const count = elementCount(tensor.shape);
  if (tensor.datatype === 'BYTES') {
    const found = countBytesElements(tensor.data, tensor.name);
    if (found !== count)
      throw refuse(
        `expected ${count} string elements for inference input '${tensor.name}' for model '${model.name}', got ${found}`,
      );
    return;
  }
  const expected = count * datatypeBytes[tensor.datatype];
  if (tensor.data.byteLength !== expected)
    throw refuse(
      `input byte size mismatch for input '${tensor.name}' for model '${model.name}'. Expected ${expected}, got ${tensor.data.byteLength}`,
    );
}

function fits(shape: readonly number[], dims: readonly number[], leading: 0 | 1): boolean {
  if (shape.length !== dims.length + leading) return false;
  for (let at = 0; at < dims.length; at++) if (dims[at] !== -1 && dims[at] !== shape[at + leading]) return false;
  return true;
}

const BATCH_NOTE =
  'NOTE: Setting a non-zero max_batch_size in the model config requires a batch dimension to be prepended to each input shape. If you want to specify the full shape including the batch dim in your input dims config, try setting max_batch_size to zero. See the model configuration docs for more info on max_batch_size.';

function describeShape(model: InputRules, tensor: Tensor, port: TensorPort): string {
  const isBatched = model.maxBatchSize > 0;
  const expected = isBatched ? [-1, ...port.dims] : port.dims;
  const note = isBatched ? BATCH_NOTE : '';
  return `unexpected shape for input '${tensor.name}' for model '${model.name}'. Expected [${expected.join(',')}], got [${tensor.shape.join(',')}]. ${note}`;
}
