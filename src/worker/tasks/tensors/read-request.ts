import { PlinthError } from '../../../core/errors/index.ts';
import type { SequenceStep, Tensor, TensorRequest } from '../../../core/inference/index.ts';
import type { WorkItem } from '../../task.ts';
import { countElements, fitsData } from './element-data.ts';
import { fillOpen, type PlannedPort, type TensorPlan } from './tensor-plan.ts';

/** One request as the engine takes it. */
export interface TensorItem extends WorkItem {
  /** By input of the configuration, in the engine's shape with the batch dimension; undefined when left out. */
  readonly inputs: ReadonlyArray<Tensor | undefined>;
  /** Shapes as the caller gave them, by input. */
  readonly shapes: ReadonlyArray<readonly number[]>;
  /** Indexes of the wanted outputs, in the order asked for; undefined for all. */
  readonly wanted: readonly number[] | undefined;
}

const BATCH_NOTE =
  'NOTE: Setting a non-zero max_batch_size in the model config requires a batch dimension to be prepended to each input shape. ' +
  'If you want to specify the full shape including the batch dim in your input dims config, try setting max_batch_size to zero. ' +
  'See the model configuration docs for more info on max_batch_size.';

/** Checks a request against the configuration, in the words of Triton. Throws PlinthError `invalid_request`. */
export function readRequest(request: TensorRequest, plan: TensorPlan): TensorItem {
  const given: (Tensor | undefined)[] = plan.inputs.map(() => undefined);
  checkCount(request.inputs, plan);
  for (const tensor of request.inputs) {
    const index = plan.inputIndex.get(tensor.name);
    if (index === undefined) refuse(`unexpected inference input '${tensor.name}' for model '${plan.model}'`);
    if (given[index] !== undefined) refuse(`input '${tensor.name}' already exists in request`);
    given[index] = tensor;
  }
  if (request.inputs.length < plan.inputs.length) checkMissing(given, request.inputs, plan);
  const rows = plan.isBatched ? readRows(given, plan) : 1;
  let shapeClass = '';
  const shapes: (readonly number[])[] = [];
  for (let index = 0; index < given.length; index++) {
    const tensor = given[index];
    const planned = plan.inputs[index] as PlannedPort;
    shapes.push(tensor?.shape ?? []);
    if (tensor !== undefined) {
      checkTensor(tensor, planned, plan);
      if (planned.isReshaped || planned.isRagged) given[index] = { ...tensor, shape: engineShape(tensor, planned, plan) };
    }
    if (planned.isVariable) shapeClass += tensor === undefined ? '-;' : `${tensor.shape.slice(plan.isBatched ? 1 : 0).join()};`;
  }
  if (request.sequence !== undefined) checkSequenceId(request.sequence, plan);
  const item = { shapeClass, rows, rowCost: 1, promptTokens: 0, inputs: given, shapes, wanted: readWanted(request, plan) };
  return request.sequence === undefined ? item : { ...item, sequence: request.sequence };
}

function checkCount(inputs: readonly Tensor[], plan: TensorPlan): void {
  if (inputs.length > plan.inputs.length || inputs.length < plan.requiredInputs) refuseCount(inputs, plan);
}

function checkMissing(given: ReadonlyArray<Tensor | undefined>, inputs: readonly Tensor[], plan: TensorPlan): void {
  const isMissing = plan.inputs.some(({ port }, index) => port.isOptional !== true && given[index] === undefined);
  if (isMissing) refuseCount(inputs, plan);
}

function refuseCount(inputs: readonly Tensor[], plan: TensorPlan): never {
  const names = new Set(inputs.map(({ name }) => name));
  const missing = plan.inputs.filter(({ port }) => port.isOptional !== true && !names.has(port.name));
  const most = plan.inputs.length;
  const expected =
    plan.requiredInputs === most ? `${most} inputs` : `number of inputs between ${plan.requiredInputs} and ${most}`;
  refuse(
    `expected ${expected} but got ${inputs.length} inputs for model '${plan.model}'. Got input(s) ` +
      `${listNames(inputs.map(({ name }) => name))}, but missing required input(s) ` +
      `${listNames(missing.map(({ port }) => port.name))}. Please provide all required input(s).`,
  );
}

function readRows(given: ReadonlyArray<Tensor | undefined>, { model, config, seating }: TensorPlan): number {
  let rows = -1;
  for (const tensor of given) {
    if (tensor === undefined) continue;
    const [own] = tensor.shape;
    if (own === undefined) refuse(`input '${tensor.name}' has no shape but model requires batch dimension for '${model}'`);
    if (rows >= 0 && own !== rows) refuse(`input '${tensor.name}' batch size does not match other inputs for '${model}'`);
    rows = own;
  }
  if (rows > config.maxBatchSize) {
    refuse(`inference request batch-size must be <= ${config.maxBatchSize} for '${model}'`);
  }
  if (rows < 1) refuse(`inference request batch-size must be >= 1 for '${model}'`);
  if (seating !== 'none' && rows > 1) {
    refuse(`inference request to model '${model}' must specify batch-size 1 due to requirements of sequence batcher`);
  }
  return rows;
}

function checkTensor(tensor: Tensor, { port, isUnranked }: PlannedPort, plan: TensorPlan): void {
  const { name, datatype, shape, data } = tensor;
  if (datatype !== port.datatype) {
    refuse(`inference input '${name}' data-type is '${datatype}', but model '${plan.model}' expects '${port.datatype}'`);
  }
  const lead = plan.isBatched ? 1 : 0;
  let fits = isUnranked || shape.length === port.dims.length + lead;
  for (let i = 0; i < shape.length && fits; i++) {
    const size = shape[i] as number;
    const expected = isUnranked || i < lead ? -1 : port.dims[i - lead];
    fits = Number.isSafeInteger(size) && size >= 0 && (expected === -1 || expected === size);
  }
  if (!fits) {
    const expected = listSizes(plan.isBatched ? [-1, ...port.dims] : port.dims);
    const note = plan.isBatched ? ` ${BATCH_NOTE}` : '';
    refuse(
      `unexpected shape for input '${name}' for model '${plan.model}'. Expected ${expected}, got ${listSizes(shape)}.${note}`,
    );
  }
  if (!fitsData(datatype, countElements(shape), data)) {
    refuse(`unexpected total byte size ${data.byteLength} for input '${name}' of shape ${listSizes(shape)}, type ${datatype}`);
  }
}

function engineShape(tensor: Tensor, { port, engineDims, isRagged }: PlannedPort, plan: TensorPlan): readonly number[] {
  if (isRagged) return [countElements(tensor.shape)];
  const own = plan.isBatched ? tensor.shape.slice(1) : tensor.shape;
  const filled = port.dims === engineDims ? own : fillOpen(own, port.dims, engineDims);
  return plan.isBatched ? [tensor.shape[0] as number, ...filled] : filled;
}

function readWanted({ outputs }: TensorRequest, plan: TensorPlan): readonly number[] | undefined {
  if (outputs === undefined || outputs.length === 0) return undefined;
  return [...new Set(outputs)].map((name) => {
    const index = plan.outputIndex.get(name);
    if (index === undefined) refuse(`unexpected inference output '${name}' for model '${plan.model}'`);
    return index;
  });
}

/** The model may take the sequence's id as a number only. */
function checkSequenceId({ id, idType }: SequenceStep, { model, controls }: TensorPlan): void {
  const isNumber = idType === 'number' && /^\d{1,20}$/.test(id);
  if (isNumber || !controls.some(({ kind, datatype }) => kind === 'corrid' && datatype !== 'BYTES')) return;
  refuse(`the sequence ID of a request to model '${model}' must be an unsigned integer`);
}

const MOST_SHOWN = 32;
const LONGEST_SHOWN = 200;

function listNames(names: readonly string[]): string {
  const shown = names.slice(0, MOST_SHOWN).map((name) => `'${name.slice(0, LONGEST_SHOWN)}'`);
  return `[${shown.join()}${names.length > MOST_SHOWN ? ',…' : ''}]`;
}

function listSizes(shape: readonly number[]): string {
  return `[${shape.join()}]`;
}

function refuse(message: string): never {
  throw new PlinthError({ code: 'invalid_request', message });
}
