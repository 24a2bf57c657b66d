import { PlinthError } from '../../../core/errors/index.ts';
import type { TensorDatatype } from '../../../core/inference/index.ts';
import type { SequenceBatching, TensorModelConfig, TensorPort } from '../../../core/models/index.ts';
import type { GraphPort } from '../../graph.ts';
import { hiddenPorts, type GraphSides } from './complete-config.ts';
import { canEncode, countElements } from './element-data.ts';

type CompleteConfig = TensorModelConfig & { readonly maxBatchSize: number };

const MOST_LEVELS = 1000;
const MOST_BATCH_ROWS = 65_536;
const MOST_CANDIDATES = 65_536;

/** Refuses a configuration that the graph cannot keep, naming what differs. Throws PlinthError `invalid_model_file`. */
export function checkConfig(model: string, config: CompleteConfig, graph: GraphSides): void {
  checkNumbers(model, config);
  checkInputs(model, config, graph);
  checkOutputs(model, config, graph);
  if (config.sequenceBatching !== undefined) checkSequences(model, config.sequenceBatching, graph);
  checkRagged(model, config, graph);
}

function checkNumbers(model: string, config: CompleteConfig): void {
  const { maxBatchSize, dynamicBatching: batching, sequenceBatching } = config;
  if (maxBatchSize > MOST_BATCH_ROWS) refuse(model, `max_batch_size ${maxBatchSize} is more than ${MOST_BATCH_ROWS}`);
  if (config.isDecoupled) refuse(model, 'model_transaction_policy.decoupled is not possible for a model in one ONNX file');
  if (config.ensembleSteps !== undefined) refuse(model, 'ensemble_scheduling does not go with a model file');
  if (batching !== undefined && batching.priorityLevels > MOST_LEVELS) {
    refuse(model, `dynamic_batching.priority_levels ${batching.priorityLevels} is more than ${MOST_LEVELS}`);
  }
  const strategy = sequenceBatching?.strategy;
  if (strategy?.type === 'oldest' && strategy.maxCandidateSequences > MOST_CANDIDATES) {
    refuse(model, `sequence_batching.oldest.max_candidate_sequences is more than ${MOST_CANDIDATES}`);
  }
  const preferred = batching?.preferredBatchSizes ?? (strategy?.type === 'oldest' ? strategy.preferredBatchSizes : []);
  const wrong = preferred.find((size) => size < 1 || size > Math.max(1, maxBatchSize));
  if (wrong !== undefined) refuse(model, `preferred_batch_size ${wrong} is not between 1 and max_batch_size ${maxBatchSize}`);
}

function checkInputs(model: string, config: CompleteConfig, { inputs }: GraphSides): void {
  const byName = new Map(inputs.map((port) => [port.name, port]));
  for (const port of config.inputs) {
    const own = byName.get(port.name);
    if (own === undefined)
      refuse(model, `unexpected inference input '${port.name}', allowed inputs are: ${[...byName.keys()].join(', ')}`);
    if (port.isOptional && !own.isOptional)
      refuse(model, `input '${port.name}' is optional, but the model has no value of its own for it`);
    if (port.allowsRagged) checkDatatype(model, { name: port.name, datatype: port.datatype }, own);
    else checkPort({ model, port, own, maxBatchSize: config.maxBatchSize });
  }
  const given = new Set([...config.inputs.map(({ name }) => name), ...hiddenPorts(config)]);
  const missing = inputs.filter(({ name, isOptional }) => !isOptional && !given.has(name));
  if (missing.length === 0) return;
  const names = missing.map(({ name }) => `'${name}'`).join(', ');
  refuse(
    model,
    `configuration expects ${config.inputs.length} inputs, model provides ${inputs.length}; not configured: ${names}`,
  );
}

function checkOutputs(model: string, config: CompleteConfig, { outputs }: GraphSides): void {
  const byName = new Map(outputs.map((port) => [port.name, port]));
  const scattered = new Set((config.batchOutputs ?? []).flatMap(({ targetNames }) => targetNames));
  for (const port of config.outputs) {
    const own = byName.get(port.name);
    if (own === undefined) {
      refuse(model, `unexpected inference output '${port.name}', allowed outputs are: ${[...byName.keys()].join(', ')}`);
    }
    if (scattered.has(port.name)) checkDatatype(model, port, own);
    else checkPort({ model, port, own, maxBatchSize: config.maxBatchSize });
  }
}

interface PortCheck {
  readonly model: string;
  readonly port: TensorPort;
  readonly own: GraphPort;
  readonly maxBatchSize: number;
}

function checkPort({ model, port, own, maxBatchSize }: PortCheck): void {
  const { name, dims, reshape } = port;
  checkDatatype(model, port, own);
  if (own.isUnranked) return;
  const subject = `tensor '${name}'`;
  const wrong = [...dims, ...(reshape ?? [])].find((size) => (size === 0 && !own.shape.includes(0)) || size < -1);
  if (wrong !== undefined)
    refuse(model, `${subject}: dimension must be integer >= 1, or -1 to indicate a variable-size dimension`);
  if (reshape !== undefined && !isSameSize(dims, reshape)) {
    refuse(model, `${subject}: has different size for dims [${dims.join()}] and reshape [${reshape.join()}]`);
  }
  if (maxBatchSize > 0 && own.shape[0] !== -1) {
    const need =
      'for the model to support batching the shape should have at least 1 dimension and the first dimension must be -1';
    refuse(model, `${subject}: ${need}; but shape expected by the model is [${own.shape.join()}]`);
  }
  const isScalar = own.shape.length === 0 && countElements(dims) === 1;
  const full = maxBatchSize > 0 ? [-1, ...(reshape ?? dims)] : (reshape ?? dims);
  const fits = full.length === own.shape.length && own.shape.every((size, i) => size === -1 || size === full[i]);
  if (fits || isScalar) return;
  refuse(
    model,
    `${subject}: the model expects shape [${own.shape.join()}] but the model configuration specifies shape [${full.join()}]`,
  );
}

function checkDatatype(
  model: string,
  { name, datatype }: { readonly name: string; readonly datatype: TensorDatatype },
  own: GraphPort,
) {
  if (datatype !== own.datatype) refuse(model, `unexpected datatype ${datatype} for tensor '${name}', expecting ${own.datatype}`);
}

function isSameSize(dims: readonly number[], reshape: readonly number[]): boolean {
  const open = (sizes: readonly number[]) => sizes.filter((size) => size === -1).length;
  const closed = (sizes: readonly number[]) => countElements(sizes.filter((size) => size !== -1));
  return open(dims) === open(reshape) && closed(dims) === closed(reshape);
}

function checkSequences(model: string, { controls, states }: SequenceBatching, { inputs, outputs }: GraphSides): void {
  const findIn = (ports: readonly GraphPort[], name: string, what: string): GraphPort =>
    ports.find((port) => port.name === name) ?? refuse(model, `${what} '${name}' is not in the model`);
  for (const { input, kind, datatype } of controls) {
    checkDatatype(model, { name: input, datatype }, findIn(inputs, input, `sequence control input`));
    const isKnown = kind === 'corrid' ? datatype === 'BYTES' || canEncode(datatype) : canEncode(datatype);
    if (!isKnown) refuse(model, `unexpected data type ${datatype} for sequence control input '${input}'`);
  }
  for (const { inputName, outputName, datatype } of states) {
    checkDatatype(model, { name: inputName, datatype }, findIn(inputs, inputName, 'state input'));
    checkDatatype(model, { name: outputName, datatype }, findIn(outputs, outputName, 'state output'));
  }
}

function checkRagged(model: string, config: CompleteConfig, { inputs }: GraphSides): void {
  const { batchInputs = [], batchOutputs = [], maxBatchSize } = config;
  const ragged = config.inputs.filter(({ allowsRagged }) => allowsRagged);
  if (ragged.length > 0 && maxBatchSize === 0) refuse(model, `allow_ragged_batch needs a max_batch_size of at least 1`);
  const graphInputs = new Map(inputs.map((port) => [port.name, port]));
  const ports = new Map(config.inputs.map((port) => [port.name, port]));
  for (const { targetNames, datatype, sourceInput } of batchInputs) {
    if (!ports.has(sourceInput)) refuse(model, `batch_input has unknown source_input '${sourceInput}'`);
    for (const name of targetNames) {
      const own = graphInputs.get(name) ?? refuse(model, `batch_input '${name}' is not an input of the model`);
      checkDatatype(model, { name, datatype }, own);
    }
  }
  const unknown = batchOutputs.find(({ sourceInput }) => !ports.has(sourceInput));
  if (unknown !== undefined) refuse(model, `batch_output has unknown source_input '${unknown.sourceInput}'`);
}

function refuse(model: string, problem: string): never {
  throw new PlinthError({ code: 'invalid_model_file', message: `model '${model}': ${problem}` });
}
