import type { JsonObject } from '../inference/index.ts';
import type { TensorModelConfig } from './tensor-config.ts';

/** What a version can do. */
export type Capability =
  | 'chat'
  | 'completion'
  | 'embed'
  | 'tools'
  | 'infill'
  | 'tensors'
  | 'score'
  | 'classify'
  | 'classify-image'
  | 'detect-objects'
  | 'read-text'
  | 'transcribe'
  | 'translate';

/** What an ONNX model is for: `tensors` takes arrays as they come, every other one turns words, pictures or sound into them. */
export const taskNames = [
  'tensors',
  'embed',
  'score',
  'classify',
  'classify-image',
  'detect-objects',
  'read-text',
  'transcribe',
  'generate',
] as const;
export type TaskName = (typeof taskNames)[number];

/** How ONNX Runtime is set up. */
export interface OnnxOptions {
  readonly executionProvider: 'cpu' | 'cuda' | 'webgpu' | 'tensorrt';
  /** Threads inside an operator; 0 is the measured default. */
  readonly intraOpThreads: number;
  /** Threads wait for work in a busy loop: quicker between runs, takes the processor from everybody else. */
  readonly spinning: 'on' | 'off';
  /** Keeps freed memory for the next run. */
  readonly memoryArena: 'on' | 'off';
}

/** What a loaded engine says of its model; read from the file, never from configuration. */
export interface ModelFacts {
  readonly architecture: string;
  readonly parameterCount: number;
  /** As the field writes it: `Q4_1`, `F16`. */
  readonly quantization: string;
  readonly fileBytes: number;
  /** Engine name and version, `llama.cpp 3.22.1 cpu`. */
  readonly engine: string;
  /** Most tokens that one sequence may hold. */
  readonly contextTokens: number;
  readonly embeddingDimensions: number;
  /** Sequences that run at once. */
  readonly slots: number;
  readonly capabilities: readonly Capability[];
  /** The model's tensors and their scheduling, complete; absent for language models that have none. */
  readonly tensors?: TensorFacts;
}

/** A tensor model as protocols show it. */
export interface TensorFacts {
  readonly config: TensorModelConfig & { readonly maxBatchSize: number };
  /** `onnxruntime_onnx`, `ensemble`. */
  readonly platform: string;
  /** The whole configuration as protobuf JSON of Triton's ModelConfig, with its own field names. */
  readonly configJson: JsonObject;
}

/** Everything that a worker needs to load one replica. */
export interface ModelSpec {
  readonly name: string;
  /** Digits, `1` unless the model's source numbers its versions. */
  readonly version: string;
  readonly engine: 'llama' | 'echo' | 'onnx';
  /** The checked model file; absent for `echo`. */
  readonly filePath?: string;
  /** The folder with the model's other files (tokenizer.json, config.json, labels), where it has any. */
  readonly folderPath?: string;
  /** `onnx` only. */
  readonly task: TaskName;
  /** `onnx` only: what is known before the file is read. */
  readonly tensors?: TensorModelConfig;
  /** `onnx` only. */
  readonly onnx: OnnxOptions;
  readonly slots: number;
  /** Tokens of KV cache shared by all slots; 0 chooses by model and memory. */
  readonly contextTokens: number;
  /** 0 chooses by measuring. */
  readonly threads: number;
  /** Layers on an accelerator; −1 is all when there is one. */
  readonly gpuLayers: number;
  /** Most requests that wait in the worker. */
  readonly queueLength: number;
  readonly queueTimeoutMs: number;
  /** The replica is replaced when its resident memory exceeds this; 0 is no limit. */
  readonly memoryLimitBytes: number;
  /** Fixed time of a step of `echo`; added to every step of other language models, for drills. In milliseconds. */
  readonly stepMs: number;
  /** The process aborts at every so many requests, for drills; 0 or absent never. */
  readonly failEvery?: number;
  /** The folder with the engine's shared libraries; the packaged ones when absent. */
  readonly library?: string;
}

export const defaultOnnxOptions: OnnxOptions = {
  executionProvider: 'cpu',
  intraOpThreads: 0,
  spinning: 'off',
  memoryArena: 'on',
};
