import { PlinthError } from '../../../core/errors/index.ts';
import type { DynamicBatching, TensorModelConfig, TensorPort } from '../../../core/models/index.ts';
import type { GraphPort } from '../../graph.ts';

/** What completion reads of a graph. */
export interface GraphSides {
  readonly inputs: readonly GraphPort[];
  readonly outputs: readonly GraphPort[];
}

/** Rows of a batch where the file allows any number and nobody has said how many: Triton's default. */
const DEFAULT_BATCH_ROWS = 4;

const plainBatching: DynamicBatching = {
  preferredBatchSizes: [],
  maxQueueDelayUs: 0,
  ordering: 'free',
  priorityLevels: 0,
  defaultPriorityLevel: 0,
  defaultPolicy: { timeoutAction: 'reject', defaultTimeoutUs: 0, timeoutOverride: 'ignored', maxQueueSize: 0 },
  levelPolicies: {},
};

const emptyConfig: TensorModelConfig = { inputs: [], outputs: [], parameters: {}, warmup: [] };

/**
 * Fills in what a configuration leaves open from the graph, as Triton does: ports, and whether there is a batch dimension, which is
 * so when the first dimension of all ports is open. Throws PlinthError `invalid_model_file`.
 */
export function completeConfig(
  model: string,
  given: TensorModelConfig | undefined,
  graph: GraphSides,
): TensorModelConfig & { readonly maxBatchSize: number } {
  const config = given ?? emptyConfig;
  const isWhole = config.inputs.length > 0 && config.outputs.length > 0;
  const isBatchable = [...graph.inputs, ...graph.outputs].every(({ shape }) => shape[0] === -1);
  if (isWhole) return { ...config, maxBatchSize: config.maxBatchSize ?? 0 };
  const maxBatchSize = config.maxBatchSize ?? (isBatchable ? DEFAULT_BATCH_ROWS : 0);
  if (maxBatchSize > 0 && !isBatchable) {
    const message = `autofill failed for model '${model}': model does not support batching while non-zero max_batch_size is specified`;
    throw new PlinthError({ code: 'invalid_model_file', message });
  }
  const hidden = hiddenPorts(config);
  const describe = (ports: readonly GraphPort[]) =>
    ports.filter(({ name }) => !hidden.has(name)).map((port) => describePort(port, maxBatchSize));
  const completed = {
    ...config,
    inputs: config.inputs.length > 0 ? config.inputs : describe(graph.inputs),
    outputs: config.outputs.length > 0 ? config.outputs : describe(graph.outputs),
    maxBatchSize,
  };
  const isScheduled = config.dynamicBatching !== undefined || config.sequenceBatching !== undefined;
  return maxBatchSize > 1 && !isScheduled ? { ...completed, dynamicBatching: plainBatching } : completed;
}

/** Ports of the graph that callers do not see. */
export function hiddenPorts({ sequenceBatching, batchInputs = [] }: TensorModelConfig): ReadonlySet<string> {
  const { controls = [], states = [] } = sequenceBatching ?? {};
  return new Set([
    ...controls.map(({ input }) => input),
    ...states.flatMap(({ inputName, outputName }) => [inputName, outputName]),
    ...batchInputs.flatMap(({ targetNames }) => targetNames),
  ]);
}

/** A scalar is shown as one element, and where the model batches the engine's shape is kept beside it. */
function describePort({ name, datatype, shape, isOptional, isUnranked }: GraphPort, maxBatchSize: number): TensorPort {
  if (isUnranked) return { name, datatype, dims: [-1], ...(isOptional && { isOptional }) };
  const dims = maxBatchSize > 0 ? shape.slice(1) : shape;
  const optional = isOptional ? { isOptional: true as const } : {};
  if (dims.length > 0) return { name, datatype, dims, ...optional };
  return { name, datatype, dims: [1], ...(maxBatchSize > 0 && { reshape: [] }), ...optional };
}
