import type { TensorDatatype } from '../inference/index.ts';

/** One input or output as callers see it. */
export interface TensorPort {
  readonly name: string;
  readonly datatype: TensorDatatype;
  /** Without the batch dimension where the model batches; −1 is variable. */
  readonly dims: readonly number[];
  /** The shape that the engine wants or gives instead of `dims`, also without the batch dimension. */
  readonly reshape?: readonly number[];
  readonly isOptional?: true;
  /** Rows of a batch may differ in this input: they are laid one after the other instead of being padded. */
  readonly allowsRagged?: true;
  /** Names of the classes of an output, by index. */
  readonly labels?: readonly string[];
}

/**
 * An input that the engine gets beside those of callers, made from the shapes of the batch's requests; how a model finds its way in
 * a ragged input. Kinds are Triton's `BatchInput.Kind` without `BATCH_`.
 */
export interface BatchInput {
  readonly kind:
    | 'element-count'
    | 'accumulated-element-count'
    | 'accumulated-element-count-with-zero'
    | 'max-element-count-as-shape'
    | 'item-shape'
    | 'item-shape-flatten';
  readonly targetNames: readonly string[];
  readonly datatype: TensorDatatype;
  readonly sourceInput: string;
}

/** Outputs that are cut into those of the requests by the shape of an input: Triton's `BATCH_SCATTER_WITH_INPUT_SHAPE`. */
export interface BatchOutput {
  readonly targetNames: readonly string[];
  readonly sourceInput: string;
}

/** How long a request may wait, and what then. */
export interface QueuePolicy {
  /** What happens to a request that waited too long; `delay` lets it go on behind the others. */
  readonly timeoutAction: 'reject' | 'delay';
  /** 0 is never. */
  readonly defaultTimeoutUs: number;
  readonly timeoutOverride: 'allowed' | 'ignored';
  /** 0 is no limit of its own. */
  readonly maxQueueSize: number;
}

/** How requests of different callers merge. `levelPolicies` by priority level, 1 the most urgent. */
export interface DynamicBatching {
  readonly preferredBatchSizes: readonly number[];
  readonly maxQueueDelayUs: number;
  readonly ordering: 'preserved' | 'free';
  /** 0 when there are no levels. */
  readonly priorityLevels: number;
  readonly defaultPriorityLevel: number;
  readonly defaultPolicy: QueuePolicy;
  readonly levelPolicies: Readonly<Record<number, QueuePolicy>>;
}

/** An input that tells the model where in its sequence a request stands. `corrid` carries the sequence's id. */
export interface SequenceControl {
  readonly input: string;
  readonly kind: 'start' | 'ready' | 'end' | 'corrid';
  readonly datatype: TensorDatatype;
  readonly falseValue: number;
  readonly trueValue: number;
}

/** State that goes from an output of one step to an input of the next, unseen by callers. */
export interface SequenceState {
  readonly inputName: string;
  readonly outputName: string;
  readonly datatype: TensorDatatype;
  readonly dims: readonly number[];
  /** Absolute path of the raw bytes at the start; zeros when absent. */
  readonly initialFile?: string;
}

/** How the requests of stateful sequences keep their places in the batch. */
export interface SequenceBatching {
  readonly maxIdleUs: number;
  readonly strategy:
    | { readonly type: 'direct'; readonly maxQueueDelayUs: number; readonly minimumSlotUtilization: number }
    | {
        readonly type: 'oldest';
        readonly maxCandidateSequences: number;
        readonly preferredBatchSizes: readonly number[];
        readonly maxQueueDelayUs: number;
        readonly ordering: 'preserved' | 'free';
      };
  readonly controls: readonly SequenceControl[];
  readonly states: readonly SequenceState[];
}

/** One model of an ensemble. Maps: name in the step's model → name in the ensemble. */
export interface EnsembleStep {
  readonly model: string;
  readonly version?: string;
  readonly inputMap: Readonly<Record<string, string>>;
  readonly outputMap: Readonly<Record<string, string>>;
}

/** One input of a warm-up request. `dims` without the batch dimension. */
export interface WarmupInput {
  readonly name: string;
  readonly datatype: TensorDatatype;
  readonly dims: readonly number[];
  readonly data: { readonly type: 'zero' } | { readonly type: 'random' } | { readonly type: 'file'; readonly path: string };
}

/** A request that is run before the first caller's, so that it does not pay for what happens once. */
export interface WarmupSample {
  readonly name: string;
  /** Rows of the sample's batch. */
  readonly batchSize: number;
  readonly count: number;
  readonly inputs: readonly WarmupInput[];
}

/**
 * A tensor model as it is served: its ports and how its requests are scheduled. The meaning of the fields follows Triton's
 * model_config.proto. Empty `inputs` and `outputs` are filled in from the model file.
 */
export interface TensorModelConfig {
  readonly inputs: readonly TensorPort[];
  readonly outputs: readonly TensorPort[];
  /** Most rows of a batch; 0 when the model has no batch dimension. Absent: chosen from the model file. */
  readonly maxBatchSize?: number;
  readonly dynamicBatching?: DynamicBatching;
  readonly sequenceBatching?: SequenceBatching;
  readonly ensembleSteps?: readonly EnsembleStep[];
  readonly batchInputs?: readonly BatchInput[];
  readonly batchOutputs?: readonly BatchOutput[];
  readonly isDecoupled?: true;
  readonly cachesResponses?: true;
  readonly parameters: Readonly<Record<string, string>>;
  readonly warmup: readonly WarmupSample[];
}
