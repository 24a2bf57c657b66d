/** What a version can do. */
export type Capability = 'chat' | 'completion' | 'embed' | 'tools' | 'infill';

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
}

/** Everything that a worker needs to load one replica. */
export interface ModelSpec {
  readonly name: string;
  readonly engine: 'llama' | 'echo';
  /** The checked model file; absent for `echo`. */
  readonly filePath?: string;
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
  /** `echo` only: fixed time of a step, in milliseconds. */
  readonly stepMs: number;
}
