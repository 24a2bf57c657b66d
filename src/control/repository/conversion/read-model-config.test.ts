import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PlinthError } from '../../../core/errors/index.ts';
import { parseConfigText } from '../model-config/index.ts';
import { readModelConfig, type ReadConfig } from './index.ts';

const PORTS = 'input { name: "x" data_type: TYPE_FP32 dims: [ 4 ] } output { name: "y" data_type: TYPE_FP32 dims: [ 4 ] }';

function read(text: string): ReadConfig {
  return readModelConfig(parseConfigText(text, 'config.pbtxt'), { name: 'm', folder: '/models/m' });
}

function refusalOf(text: string): string {
  try {
    read(text);
  } catch (error) {
    assert.ok(error instanceof PlinthError, String(error));
    return error.message;
  }
  return 'nothing was refused';
}

test('an empty configuration leaves everything to the model file', () => {
  const { tensors, hosting, labelFiles } = read('');
  assert.deepEqual(tensors, { inputs: [], outputs: [], parameters: {}, warmup: [] });
  assert.deepEqual(hosting, { kind: 'onnx', versionPolicy: { type: 'latest', count: 1 }, fileName: 'model.onnx', onnx: {} });
  assert.equal(labelFiles.size, 0);
});

test("the configuration of Triton's quickstart model is read whole", () => {
  const { tensors, labelFiles } = read(`
    name: "m" platform: "onnxruntime_onnx" max_batch_size: 0
    input [ { name: "data_0" data_type: TYPE_FP32 format: FORMAT_NCHW dims: [ 3, 224, 224 ] reshape { shape: [ 1, 3, 224, 224 ] } } ]
    output [ { name: "fc6_1" data_type: TYPE_FP32 dims: [ 1000 ] reshape { shape: [ 1, 1000, 1, 1 ] } label_filename: "labels.txt" } ]`);
  assert.deepEqual(tensors.inputs, [{ name: 'data_0', datatype: 'FP32', dims: [3, 224, 224], reshape: [1, 3, 224, 224] }]);
  assert.equal(tensors.maxBatchSize, 0);
  assert.deepEqual([...labelFiles], [['fc6_1', 'labels.txt']]);
});

test('dynamic batching is read with all its fields', () => {
  const { tensors } = read(`max_batch_size: 8 ${PORTS} dynamic_batching {
    preferred_batch_size: [ 4, 8 ] max_queue_delay_microseconds: 100 preserve_ordering: true priority_levels: 2
    default_priority_level: 2 default_queue_policy { timeout_action: DELAY default_timeout_microseconds: 7 max_queue_size: 9 }
    priority_queue_policy { key: 1 value { allow_timeout_override: true } } }`);
  assert.deepEqual(tensors.dynamicBatching, {
    preferredBatchSizes: [4, 8],
    maxQueueDelayUs: 100,
    ordering: 'preserved',
    priorityLevels: 2,
    defaultPriorityLevel: 2,
    defaultPolicy: { timeoutAction: 'delay', defaultTimeoutUs: 7, timeoutOverride: 'ignored', maxQueueSize: 9 },
    levelPolicies: { 1: { timeoutAction: 'reject', defaultTimeoutUs: 0, timeoutOverride: 'allowed', maxQueueSize: 0 } },
  });
});

test('sequence batching is read with controls and states', () => {
  const { tensors } = read(`max_batch_size: 2 ${PORTS} sequence_batching { oldest { max_candidate_sequences: 4 }
    control_input { name: "START" control { kind: CONTROL_SEQUENCE_START int32_false_true: [ 0, 1 ] } }
    control_input { name: "ID" control { kind: CONTROL_SEQUENCE_CORRID data_type: TYPE_STRING } }
    state { input_name: "i" output_name: "o" data_type: TYPE_INT32 dims: [ 1 ] initial_state { data_type: TYPE_INT32 dims: [ 1 ] data_file: "zero" name: "z" } } }`);
  assert.deepEqual(tensors.sequenceBatching, {
    maxIdleUs: 1_000_000,
    strategy: { type: 'oldest', maxCandidateSequences: 4, preferredBatchSizes: [], maxQueueDelayUs: 0, ordering: 'free' },
    controls: [
      { input: 'START', kind: 'start', datatype: 'INT32', falseValue: 0, trueValue: 1 },
      { input: 'ID', kind: 'corrid', datatype: 'BYTES', falseValue: 0, trueValue: 0 },
    ],
    states: [{ inputName: 'i', outputName: 'o', datatype: 'INT32', dims: [1], initialFile: '/models/m/initial_state/zero' }],
  });
});

test('the rest of a configuration is read', () => {
  const { tensors, hosting } = read(`${PORTS} max_batch_size: 4 response_cache { enable: true }
    instance_group [ { count: 2 kind: KIND_CPU }, { kind: KIND_CPU } ] version_policy { specific { versions: [ 1, 3 ] } }
    default_model_filename: "net.onnx" parameters { key: "intra_op_thread_count" value { string_value: "3" } }
    model_warmup { name: "w" batch_size: 2 inputs { key: "x" value { data_type: TYPE_FP32 dims: 4 input_data_file: "raw" } } }`);
  assert.equal(tensors.cachesResponses, true);
  assert.deepEqual(tensors.warmup, [
    {
      name: 'w',
      batchSize: 2,
      count: 1,
      inputs: [{ name: 'x', datatype: 'FP32', dims: [4], data: { type: 'file', path: '/models/m/warmup/raw' } }],
    },
  ]);
  assert.deepEqual(hosting, {
    kind: 'onnx',
    versionPolicy: { type: 'specific', versions: [1, 3] },
    fileName: 'net.onnx',
    replicaCount: 3,
    processor: 'cpu',
    onnx: { intraOpThreads: 3 },
  });
});

const ENSEMBLE = 'platform: "ensemble" max_batch_size: 4';
const step = (model: string, inputs: string, outputs: string) =>
  `step { model_name: "${model}" model_version: -1 input_map { key: "i" value: "${inputs}" } output_map { key: "o" value: "${outputs}" } }`;

test('steps of an ensemble keep their maps from the names of the model to those of the ensemble', () => {
  const { tensors, hosting } = read(`${ENSEMBLE} ${PORTS} ensemble_scheduling { ${step('b', 't', 'y')} ${step('a', 'x', 't')} }`);
  assert.equal(hosting.kind, 'ensemble');
  assert.deepEqual(tensors.ensembleSteps, [
    { model: 'b', inputMap: { i: 't' }, outputMap: { o: 'y' } },
    { model: 'a', inputMap: { i: 'x' }, outputMap: { o: 't' } },
  ]);
});

test('an operator of our own needs no model file and says which one it is', () => {
  const { tensors, hosting } = read('backend: "plinth" parameters { key: "operator" value { string_value: "find_text" } }');
  assert.equal(hosting.kind, 'operator');
  assert.deepEqual(tensors.parameters, { operator: 'find_text' });
});

const refusals: ReadonlyArray<readonly [text: string, problem: RegExp]> = [
  ['name: "other"', /unexpected directory name 'm' for model 'other'/],
  ['platform: "pytorch_libtorch"', /platform "pytorch_libtorch" cannot be served/],
  ['backend: "python"', /backend "python" cannot be served/],
  ['backend: "plinth"', /backend "plinth" needs parameters\["operator"\]/],
  ['backend: "plinth" platform: "onnxruntime_onnx"', /platform "onnxruntime_onnx" does not go with backend "plinth"/],
  ['max_batch_size: -1', /'max_batch_size' must be non-negative/],
  ['input { name: "x" dims: 1 }', /model input 'x' must specify 'data_type'/],
  ['input { name: "x" data_type: TYPE_FP32 }', /model input 'x' must specify 'dims'/],
  ['input { name: "x" data_type: TYPE_FP32 dims: 0 }', /dims must be integers >= 1, or -1/],
  [`${PORTS} input { name: "x" data_type: TYPE_FP32 dims: 1 }`, /two model inputs are named 'x'/],
  ['input { name: "x" data_type: TYPE_FP32 dims: 4 reshape { shape: [ 3 ] } }', /different size for dims and reshape/],
  ['input { name: "x" data_type: TYPE_FP32 dims: 1 is_shape_tensor: true }', /"input\[0\]\.is_shape_tensor" is known and cannot/],
  ['instance_group { rate_limiter { priority: 3 } }', /"instance_group\[0\]\.rate_limiter" is known/],
  ['instance_group { gpus: [ 0 ] }', /"instance_group\[0\]\.gpus" is known/],
  ['metric_tags { key: "a" value: "b" }', /"metric_tags" is known/],
  [
    'optimization { execution_accelerators { cpu_execution_accelerator { name: "openvino" } } }',
    /"optimization\.execution_accel/,
  ],
  ['optimization { priority: PRIORITY_MAX }', /"optimization\.priority" is known/],
  ['model_operations { op_library_filename: "evil.so" }', /"model_operations" is known/],
  [
    `max_batch_size: 2 ${PORTS} dynamic_batching { preferred_batch_size: 4 }`,
    /preferred_batch_size 4 must be <= max batch size 2/,
  ],
  ['dynamic_batching { priority_levels: 2 }', /default priority level must be in range/],
  ['dynamic_batching { priority_queue_policy { key: 3 value { } } }', /has the level 3/],
  ['default_model_filename: "../other/1/model.onnx"', /default_model_filename must be a path inside/],
  ['parameters { key: "execution_mode" value { string_value: "1" } }', /parameters\["execution_mode"\] is not honoured/],
  ['response_cache { enable: true } model_transaction_policy { decoupled: true }', /response_cache cannot be enabled/],
  ['response_cache { enable: true } sequence_batching { }', /response_cache cannot be enabled/],
  [
    `sequence_batching { control_input { name: "S" control { kind: CONTROL_SEQUENCE_START } } }`,
    /exactly one of int32_false_true/,
  ],
  ['platform: "ensemble"', /needs ensemble_scheduling/],
  [`${ENSEMBLE} ${PORTS} ensemble_scheduling { }`, /at least one step/],
  [`${ENSEMBLE} ${PORTS} ensemble_scheduling { ${step('a', 'u', 'y')} }`, /ensemble tensor 'u' is read and nothing makes it/],
  [`${ENSEMBLE} ${PORTS} ensemble_scheduling { ${step('a', 'x', 't')} }`, /ensemble output 'y' is made by no step/],
  [`${ENSEMBLE} ${PORTS} ensemble_scheduling { ${step('a', 'x', 'y')} ${step('b', 'x', 'y')} }`, /'y' can be written only once/],
  [
    `${ENSEMBLE} ${PORTS} ensemble_scheduling { ${step('a', 'x', 'y')} ${step('b', 'v', 'u')} ${step('c', 'u', 'v')} }`,
    /circular dependency between the steps 'b', 'c'/,
  ],
  [`${ENSEMBLE} ${PORTS} instance_group { } ensemble_scheduling { ${step('a', 'x', 'y')} }`, /instance_group must not/],
  [
    'model_warmup { name: "w" inputs { key: "x" value { data_type: TYPE_FP32 dims: 1 input_data_file: "/etc/passwd" } } }',
    /inside/,
  ],
];

for (const [text, problem] of refusals) test(`${text} is refused`, () => assert.match(refusalOf(text), problem));

test('known fields with their default values are let through', () => {
  assert.doesNotThrow(() =>
    read(`${PORTS} optimization { priority: PRIORITY_DEFAULT input_pinned_memory { enable: true } eager_batching: false cuda { } }
      instance_group { count: 1 gpus: [ ] rate_limiter { } passive: false }`),
  );
});

test('however fields are put together, only PlinthErrors are thrown', () => {
  const numbers = fc.constantFrom('-2', '-1', '0', '1', '4', '99999999999');
  const fields = fc.oneof(
    fc
      .tuple(fc.constantFrom('max_batch_size', 'dynamic_batching { max_queue_delay_microseconds'), numbers)
      .map(([name, number]) => (name.includes('{') ? `${name}: ${number} }` : `${name}: ${number}`)),
    numbers.map((size) => `input { name: "x${size}" data_type: TYPE_FP32 dims: [ ${size}, ${size} ] }`),
    numbers.map((size) => `output { name: "y" data_type: TYPE_STRING dims: ${size} reshape { shape: [ ${size} ] } }`),
    numbers.map((count) => `instance_group { count: ${count} }`),
    numbers.map((version) => `version_policy { specific { versions: [ ${version} ] } }`),
    numbers.map((count) => `model_warmup { count: ${count} batch_size: ${count} inputs { key: "x" value { dims: ${count} } } }`),
    fc.constantFrom(ENSEMBLE, `ensemble_scheduling { ${step('a', 'x', 'y')} }`, 'sequence_batching { oldest { } }'),
  );
  fc.assert(
    fc.property(fc.array(fields, { maxLength: 8 }), (parts) => {
      try {
        read(parts.join('\n'));
      } catch (error) {
        assert.ok(error instanceof PlinthError, `${parts.join('\n')}: ${String(error)}`);
      }
    }),
    { numRuns: 500 },
  );
});
