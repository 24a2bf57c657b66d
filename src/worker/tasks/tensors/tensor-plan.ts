import type {
  BatchInput,
  BatchOutput,
  SequenceControl,
  SequenceState,
  TensorModelConfig,
  TensorPort,
} from '../../../core/models/index.ts';

/** A port with what is known of it before any request. Shapes without the batch dimension. */
export interface PlannedPort {
  readonly port: TensorPort;
  /** What the engine takes or gives. */
  readonly engineDims: readonly number[];
  readonly isReshaped: boolean;
  /** Requests may differ in its shape, or leave it out: it is a part of the shape class. */
  readonly isVariable: boolean;
  readonly isRagged: boolean;
  /** The model takes any number of dimensions. */
  readonly isUnranked: boolean;
}

/** A whole configuration, prepared for requests. */
export interface TensorPlan {
  readonly model: string;
  readonly config: TensorModelConfig & { readonly maxBatchSize: number };
  readonly inputs: readonly PlannedPort[];
  readonly inputIndex: ReadonlyMap<string, number>;
  readonly requiredInputs: number;
  readonly outputs: readonly PlannedPort[];
  readonly outputIndex: ReadonlyMap<string, number>;
  readonly isBatched: boolean;
  readonly controls: readonly SequenceControl[];
  readonly states: readonly SequenceState[];
  /** Slots keep their place in the batch. */
  readonly seating: 'none' | 'fixed' | 'packed';
  readonly batchInputs: readonly BatchInput[];
  readonly batchOutputs: readonly BatchOutput[];
}

/** Ranks of the graph's ports by name, −1 where the file has none; a port of rank 0 is shown to callers as one of one element. */
export type Ranks = ReadonlyMap<string, number>;

/** Prepares a complete and checked configuration. */
export function planTensors(model: string, config: TensorPlan['config'], ranks: Ranks): TensorPlan {
  const { sequenceBatching, maxBatchSize } = config;
  const inputs = config.inputs.map((port) => planPort(port, ranks, 'input'));
  const outputs = config.outputs.map((port) => planPort(port, ranks, 'output'));
  return {
    model,
    config,
    inputs,
    inputIndex: indexOf(config.inputs),
    requiredInputs: config.inputs.filter(({ isOptional }) => isOptional !== true).length,
    outputs,
    outputIndex: indexOf(config.outputs),
    isBatched: maxBatchSize > 0,
    controls: sequenceBatching?.controls ?? [],
    states: sequenceBatching?.states ?? [],
    seating: sequenceBatching === undefined ? 'none' : sequenceBatching.strategy.type === 'direct' ? 'fixed' : 'packed',
    batchInputs: config.batchInputs ?? [],
    batchOutputs: config.batchOutputs ?? [],
  };
}

/** Sizes where `dims` has −1, put in order into the open places of `target`. Closed places stay as they are. */
export function fillOpen(shape: readonly number[], dims: readonly number[], target: readonly number[]): readonly number[] {
  const open: number[] = [];
  for (let i = 0; i < dims.length; i++) if (dims[i] === -1) open.push(shape[i] ?? 1);
  let next = 0;
  return target.map((size) => (size === -1 ? (open[next++] ?? 1) : size));
}

function planPort(port: TensorPort, ranks: Ranks, side: 'input' | 'output'): PlannedPort {
  const engineDims = port.reshape ?? (ranks.get(port.name) === 0 ? [] : port.dims);
  const isRagged = side === 'input' && port.allowsRagged === true;
  return {
    port,
    engineDims,
    isReshaped: engineDims !== port.dims,
    isVariable: !isRagged && (port.isOptional === true || port.dims.includes(-1)),
    isRagged,
    isUnranked: ranks.get(port.name) === -1,
  };
}

function indexOf(ports: readonly TensorPort[]): ReadonlyMap<string, number> {
  return new Map(ports.map(({ name }, index) => [name, index]));
}
