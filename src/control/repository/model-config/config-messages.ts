/**
 * Triton's ModelConfig as a table: every field of model_config.proto in the order of its declaration, so that text and JSON can be read
 * and written without code of their own. A field that Plinth knows and does not honour carries a `!` and must have its default value.
 * @budget one row per field of the format
 */
const enums = {
  DataType:
    'TYPE_INVALID TYPE_BOOL TYPE_UINT8 TYPE_UINT16 TYPE_UINT32 TYPE_UINT64 TYPE_INT8 TYPE_INT16 TYPE_INT32 TYPE_INT64 TYPE_FP16 ' +
    'TYPE_FP32 TYPE_FP64 TYPE_STRING TYPE_BF16',
  Format: 'FORMAT_NONE FORMAT_NHWC FORMAT_NCHW',
  GroupKind: 'KIND_AUTO KIND_GPU KIND_CPU KIND_MODEL',
  DeviceKind: 'KIND_NVDLA',
  BatchInputKind:
    'BATCH_ELEMENT_COUNT BATCH_ACCUMULATED_ELEMENT_COUNT BATCH_ACCUMULATED_ELEMENT_COUNT_WITH_ZERO ' +
    'BATCH_MAX_ELEMENT_COUNT_AS_SHAPE BATCH_ITEM_SHAPE BATCH_ITEM_SHAPE_FLATTEN',
  BatchOutputKind: 'BATCH_SCATTER_WITH_INPUT_SHAPE',
  Priority: 'PRIORITY_DEFAULT PRIORITY_MAX PRIORITY_MIN',
  TimeoutAction: 'REJECT DELAY',
  ControlKind: 'CONTROL_SEQUENCE_START CONTROL_SEQUENCE_READY CONTROL_SEQUENCE_END CONTROL_SEQUENCE_CORRID',
} as const;

const messages = {
  ModelConfig: {
    name: 'string',
    platform: 'string',
    backend: 'string',
    runtime: '!string',
    version_policy: 'VersionPolicy',
    max_batch_size: 'int32',
    input: 'repeated Input',
    output: 'repeated Output',
    batch_input: 'repeated BatchInput',
    batch_output: 'repeated BatchOutput',
    optimization: 'Optimization',
    dynamic_batching: 'DynamicBatching',
    sequence_batching: 'SequenceBatching',
    ensemble_scheduling: 'Ensembling',
    instance_group: 'repeated Group',
    default_model_filename: 'string',
    cc_model_filenames: '!map string string',
    metric_tags: '!map string string',
    parameters: 'map string Parameter',
    model_warmup: 'repeated Warmup',
    model_operations: '!Operations',
    model_transaction_policy: 'TransactionPolicy',
    model_repository_agents: '!Agents',
    response_cache: 'ResponseCache',
    model_metrics: '!Metrics',
  },
  VersionPolicy: { latest: 'Latest', all: 'Empty', specific: 'Specific' },
  Latest: { num_versions: 'uint32' },
  Specific: { versions: 'repeated int64' },
  Empty: {},
  Input: {
    name: 'string',
    data_type: 'DataType',
    format: 'Format',
    dims: 'repeated int64',
    reshape: 'Reshape',
    is_shape_tensor: '!bool',
    allow_ragged_batch: 'bool',
    optional: 'bool',
    is_non_linear_format_io: '!bool',
  },
  Output: {
    name: 'string',
    data_type: 'DataType',
    dims: 'repeated int64',
    reshape: 'Reshape',
    label_filename: 'string',
    is_shape_tensor: '!bool',
    is_non_linear_format_io: '!bool',
  },
  Reshape: { shape: 'repeated int64' },
  BatchInput: {
    kind: 'BatchInputKind',
    target_name: 'repeated string',
    data_type: 'DataType',
    source_input: 'repeated string',
  },
  BatchOutput: { target_name: 'repeated string', kind: 'BatchOutputKind', source_input: 'repeated string' },
  Optimization: {
    graph: '!Graph',
    priority: '!Priority',
    cuda: '!Cuda',
    execution_accelerators: '!Accelerators',
    input_pinned_memory: 'PinnedMemory',
    output_pinned_memory: 'PinnedMemory',
    gather_kernel_buffer_threshold: '!uint32',
    eager_batching: '!bool',
  },
  Graph: { level: 'int32' },
  Cuda: { graphs: 'bool', busy_wait_events: 'bool', graph_spec: 'repeated GraphSpec', output_copy_stream: 'bool' },
  GraphSpec: { batch_size: 'int32', input: 'map string Shape', graph_lower_bound: 'LowerBound' },
  LowerBound: { batch_size: 'int32', input: 'map string Shape' },
  Shape: { dim: 'repeated int64' },
  Accelerators: {
    gpu_execution_accelerator: 'repeated Accelerator',
    cpu_execution_accelerator: 'repeated Accelerator',
  },
  Accelerator: { name: 'string', parameters: 'map string string' },
  PinnedMemory: { enable: 'bool' },
  DynamicBatching: {
    preferred_batch_size: 'repeated int32',
    max_queue_delay_microseconds: 'uint64',
    preserve_ordering: 'bool',
    priority_levels: 'uint64',
    default_priority_level: 'uint64',
    default_queue_policy: 'QueuePolicy',
    priority_queue_policy: 'map uint64 QueuePolicy',
  },
  QueuePolicy: {
    timeout_action: 'TimeoutAction',
    default_timeout_microseconds: 'uint64',
    allow_timeout_override: 'bool',
    max_queue_size: 'uint32',
  },
  SequenceBatching: {
    direct: 'Direct',
    oldest: 'Oldest',
    max_sequence_idle_microseconds: 'uint64',
    control_input: 'repeated ControlInput',
    state: 'repeated State',
    iterative_sequence: '!bool',
  },
  Direct: { max_queue_delay_microseconds: 'uint64', minimum_slot_utilization: 'float' },
  Oldest: {
    max_candidate_sequences: 'int32',
    preferred_batch_size: 'repeated int32',
    max_queue_delay_microseconds: 'uint64',
    preserve_ordering: 'bool',
  },
  ControlInput: { name: 'string', control: 'repeated Control' },
  Control: {
    kind: 'ControlKind',
    int32_false_true: 'repeated int32',
    fp32_false_true: 'repeated float',
    bool_false_true: 'repeated bool',
    data_type: 'DataType',
  },
  State: {
    input_name: 'string',
    output_name: 'string',
    data_type: 'DataType',
    dims: 'repeated int64',
    initial_state: 'repeated InitialState',
    use_same_buffer_for_input_output: '!bool',
    use_growable_memory: '!bool',
  },
  InitialState: { data_type: 'DataType', dims: 'repeated int64', zero_data: 'bool', data_file: 'string', name: 'string' },
  Ensembling: { step: 'repeated Step', max_inflight_requests: '!uint32' },
  Step: {
    model_name: 'string',
    model_version: 'int64',
    input_map: 'map string string',
    output_map: 'map string string',
    model_namespace: '!string',
  },
  Group: {
    name: 'string',
    kind: 'GroupKind',
    count: 'int32',
    rate_limiter: '!RateLimiter',
    gpus: '!repeated int32',
    secondary_devices: '!repeated SecondaryDevice',
    profile: '!repeated string',
    passive: '!bool',
    host_policy: '!string',
  },
  RateLimiter: { resources: 'repeated Resource', priority: 'uint32' },
  Resource: { name: 'string', global: 'bool', count: 'uint32' },
  SecondaryDevice: { kind: 'DeviceKind', device_id: 'int64' },
  Parameter: { string_value: 'string' },
  Warmup: { name: 'string', batch_size: 'uint32', inputs: 'map string WarmupInput', count: 'uint32' },
  WarmupInput: {
    data_type: 'DataType',
    dims: 'repeated int64',
    zero_data: 'bool',
    random_data: 'bool',
    input_data_file: 'string',
  },
  Operations: { op_library_filename: 'repeated string' },
  TransactionPolicy: { decoupled: 'bool' },
  Agents: { agents: 'repeated Agent' },
  Agent: { name: 'string', parameters: 'map string string' },
  ResponseCache: { enable: 'bool' },
  Metrics: { metric_control: 'repeated MetricControl' },
  MetricControl: { metric_identifier: 'MetricIdentifier', histogram_options: 'HistogramOptions' },
  MetricIdentifier: { family: 'string' },
  HistogramOptions: { buckets: 'repeated double' },
} as const;

/** Fields of which one message may have one. */
const oneofs: Readonly<Record<string, ReadonlyArray<readonly string[]>>> = {
  ModelConfig: [['dynamic_batching', 'sequence_batching', 'ensemble_scheduling']],
  VersionPolicy: [['latest', 'all', 'specific']],
  SequenceBatching: [['direct', 'oldest']],
  WarmupInput: [['zero_data', 'random_data', 'input_data_file']],
  InitialState: [['zero_data', 'data_file']],
};

const scalarKinds = ['string', 'int32', 'int64', 'uint32', 'uint64', 'bool', 'float', 'double'] as const;

export type ScalarKind = (typeof scalarKinds)[number];
export type MessageName = keyof typeof messages;

/** What one value of a field is. */
export type ValueKind =
  | { readonly type: 'scalar'; readonly scalar: ScalarKind }
  | { readonly type: 'enum'; readonly names: readonly string[] }
  | { readonly type: 'message'; readonly message: MessageName };

/** One field of a message. Keys of a `map` are kept as text. */
export interface FieldShape {
  readonly name: string;
  readonly form: 'single' | 'repeated' | 'map';
  readonly keyScalar?: ScalarKind;
  readonly value: ValueKind;
  readonly isHonoured: boolean;
  /** Fields that may not stand beside this one. */
  readonly rivals: readonly string[];
}

const shapes = new Map(Object.entries(messages).map(([name, fields]) => [name, readShapes(name, fields)]));

/** The fields of a message by their names, in order. */
export function fieldsOf(message: MessageName): ReadonlyMap<string, FieldShape> {
  return shapes.get(message) ?? new Map<string, FieldShape>();
}

function readShapes(message: string, fields: Readonly<Record<string, string>>): ReadonlyMap<string, FieldShape> {
  return new Map(Object.entries(fields).map(([name, text]) => [name, readShape(message, name, text)]));
}

function readShape(message: string, name: string, text: string): FieldShape {
  const words = text.replace('!', '').split(' ');
  const form = words[0] === 'repeated' || words[0] === 'map' ? words[0] : 'single';
  const rivals = (oneofs[message] ?? []).filter((group) => group.includes(name)).flat();
  return {
    name,
    form,
    ...(form === 'map' && { keyScalar: scalarKinds.find((kind) => kind === words[1]) ?? 'string' }),
    value: readKind(words.at(-1) ?? ''),
    isHonoured: !text.startsWith('!'),
    rivals: rivals.filter((rival) => rival !== name),
  };
}

function readKind(word: string): ValueKind {
  const scalar = scalarKinds.find((kind) => kind === word);
  if (scalar !== undefined) return { type: 'scalar', scalar };
  if (Object.hasOwn(enums, word)) return { type: 'enum', names: enums[word as keyof typeof enums].split(' ') };
  return { type: 'message', message: word as MessageName };
}
