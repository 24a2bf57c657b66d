import type { JsonObject, TensorDatatype } from '../../core/inference/index.ts';
import type { DynamicBatching, QueuePolicy, TensorModelConfig, TensorPort } from '../../core/models/index.ts';
import type { Hosting } from './conversion/index.ts';
import { formatConfigJson, type ConfigMessage } from './model-config/index.ts';

/** A model that is served, as far as its configuration goes. */
export interface DescribedModel {
  readonly name: string;
  /** As it was given; empty for a model without a configuration of its own. */
  readonly config: ConfigMessage;
  /** Complete, with what was read from the model file. */
  readonly tensors: TensorModelConfig;
  readonly kind: Hosting['kind'];
  readonly replicaCount: number;
  readonly processor: 'cpu' | 'gpu';
}

/** The whole configuration in force as protobuf JSON of ModelConfig: what was given, and the rest as it was chosen. */
export function describeConfig(model: DescribedModel): JsonObject {
  const { config, tensors, kind, name } = model;
  const isEnsemble = kind === 'ensemble';
  return formatConfigJson({
    ...config,
    name,
    platform: { onnx: 'onnxruntime_onnx', ensemble: 'ensemble', operator: '' }[kind],
    backend: { onnx: 'onnxruntime', ensemble: '', operator: 'plinth' }[kind],
    version_policy: config['version_policy'] ?? { latest: { num_versions: 1 } },
    max_batch_size: tensors.maxBatchSize ?? 0,
    input: hasItems(config['input']) ? config['input'] : tensors.inputs.map(describePort),
    output: hasItems(config['output']) ? config['output'] : tensors.outputs.map(describePort),
    optimization: config['optimization'] ?? {
      priority: 'PRIORITY_DEFAULT',
      input_pinned_memory: { enable: true },
      output_pinned_memory: { enable: true },
    },
    ...describeBatching(config, tensors.dynamicBatching),
    instance_group: isEnsemble ? [] : describeGroups(model),
    default_model_filename: config['default_model_filename'] ?? (kind === 'onnx' ? 'model.onnx' : ''),
  });
}

function hasItems(value: ConfigMessage[string] | undefined): value is ConfigMessage[string] {
  return Array.isArray(value) && value.length > 0;
}

function describePort(port: TensorPort): ConfigMessage {
  return {
    name: port.name,
    data_type: typeName(port.datatype),
    dims: port.dims,
    ...(port.reshape && { reshape: { shape: port.reshape } }),
    ...(port.isOptional && { optional: true }),
    ...(port.allowsRagged && { allow_ragged_batch: true }),
  };
}

function typeName(datatype: TensorDatatype): string {
  return `TYPE_${datatype === 'BYTES' ? 'STRING' : datatype}`;
}

function describeGroups({ name, config, replicaCount, processor }: DescribedModel): readonly ConfigMessage[] {
  const given = config['instance_group'];
  const groups = Array.isArray(given) ? (given as readonly ConfigMessage[]) : [];
  const kind = processor === 'gpu' ? 'KIND_GPU' : 'KIND_CPU';
  if (groups.length === 0) return [{ name, kind, count: replicaCount }];
  return groups.map((group, index) => ({
    ...group,
    name: group['name'] ?? `${name}_${index}`,
    kind: group['kind'] === undefined || group['kind'] === 'KIND_AUTO' ? kind : group['kind'],
    count: group['count'] ?? 1,
  }));
}

function describeBatching(config: ConfigMessage, batching: DynamicBatching | undefined): ConfigMessage {
  if (batching === undefined || 'dynamic_batching' in config) return {};
  return {
    dynamic_batching: {
      preferred_batch_size: batching.preferredBatchSizes,
      max_queue_delay_microseconds: batching.maxQueueDelayUs,
      preserve_ordering: batching.ordering === 'preserved',
      priority_levels: batching.priorityLevels,
      default_priority_level: batching.defaultPriorityLevel,
      ...describePolicy(batching.defaultPolicy),
    },
  };
}

function describePolicy(policy: QueuePolicy): ConfigMessage {
  if (policy.timeoutAction === 'reject' && policy.defaultTimeoutUs === 0 && policy.maxQueueSize === 0) return {};
  return {
    default_queue_policy: {
      timeout_action: policy.timeoutAction === 'delay' ? 'DELAY' : 'REJECT',
      default_timeout_microseconds: policy.defaultTimeoutUs,
      allow_timeout_override: policy.timeoutOverride === 'allowed',
      max_queue_size: policy.maxQueueSize,
    },
  };
}
