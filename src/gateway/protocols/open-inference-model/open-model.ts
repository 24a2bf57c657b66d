import type { JsonObject } from '../../../core/inference/index.ts';
import type { RoutedModel } from '../../../core/messages/index.ts';
import type { Capability, ModelFacts, TensorPort } from '../../../core/models/index.ts';
import { languageConfig } from './language-config.ts';

/** One version of a model as callers of Open Inference see it. */
export interface OpenModel {
  readonly name: string;
  readonly version: string;
  /** What its tensors stand for: themselves, a text that goes on, texts that become vectors. `other` takes no tensors. */
  readonly kind: 'tensors' | 'generate' | 'embed' | 'other';
  readonly platform: string;
  /** 0 when the model has no batch dimension. */
  readonly maxBatchSize: number;
  /** A request has any number of responses. */
  readonly isDecoupled: boolean;
  /** Without the batch dimension. */
  readonly inputs: readonly TensorPort[];
  readonly outputs: readonly TensorPort[];
  /** Protobuf JSON of Triton's ModelConfig. */
  readonly configJson: JsonObject;
}

const TEXT_INPUT: TensorPort = { name: 'text_input', datatype: 'BYTES', dims: [1] };
const option = (name: string, datatype: TensorPort['datatype'], dims: readonly number[] = [1]): TensorPort => ({
  name,
  datatype,
  dims,
  isOptional: true,
});

/** The names that Triton's language models go by; each option may also come as a parameter of the request. */
const GENERATE_INPUTS: readonly TensorPort[] = [
  TEXT_INPUT,
  option('stream', 'BOOL'),
  option('max_tokens', 'INT32'),
  option('temperature', 'FP32'),
  option('top_p', 'FP32'),
  option('top_k', 'INT32'),
  option('min_p', 'FP32'),
  option('seed', 'UINT64'),
  option('stop', 'BYTES', [-1]),
  option('presence_penalty', 'FP32'),
  option('frequency_penalty', 'FP32'),
  option('repetition_penalty', 'FP32'),
  option('ignore_eos', 'BOOL'),
  option('exclude_input_in_output', 'BOOL'),
  option('sampling_parameters', 'BYTES'),
];
const GENERATE_OUTPUTS: readonly TensorPort[] = [{ name: 'text_output', datatype: 'BYTES', dims: [1] }];

const described = new WeakMap<RoutedModel, OpenModel>();

/** Undefined until the version has loaded once. */
export function describeModel(routed: RoutedModel): OpenModel | undefined {
  const { facts } = routed;
  if (facts === undefined) return undefined;
  const known = described.get(routed);
  if (known !== undefined) return known;
  const model = describe(routed, facts);
  described.set(routed, model);
  return model;
}

function describe(routed: RoutedModel, facts: ModelFacts): OpenModel {
  const { name, version } = routed;
  if (facts.tensors !== undefined) {
    const { config, platform, configJson } = facts.tensors;
    const { inputs, outputs, maxBatchSize } = config;
    return {
      name,
      version,
      kind: 'tensors',
      platform,
      maxBatchSize,
      isDecoupled: config.isDecoupled === true,
      inputs,
      outputs,
      configJson,
    };
  }
  const kind = kindOf(facts.capabilities);
  const ports = portsOf(kind, facts);
  const [engine = ''] = facts.engine.split(' ', 1);
  const platform = engine === 'ONNX' ? 'onnxruntime_onnx' : engine;
  const shown = { name, version, kind, platform, maxBatchSize: 0, isDecoupled: kind === 'generate', ...ports };
  return { ...shown, configJson: languageConfig(shown) };
}

function kindOf(capabilities: readonly Capability[]): OpenModel['kind'] {
  if (capabilities.includes('completion') || capabilities.includes('chat')) return 'generate';
  return capabilities.includes('embed') ? 'embed' : 'other';
}

function portsOf(kind: OpenModel['kind'], facts: ModelFacts): Pick<OpenModel, 'inputs' | 'outputs'> {
  if (kind === 'generate') return { inputs: GENERATE_INPUTS, outputs: GENERATE_OUTPUTS };
  if (kind !== 'embed') return { inputs: [], outputs: [] };
  const dims = [-1, facts.embeddingDimensions];
  return { inputs: [{ ...TEXT_INPUT, dims: [-1] }], outputs: [{ name: 'embedding', datatype: 'FP32', dims }] };
}
