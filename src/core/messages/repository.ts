import type { JsonObject } from '../inference/index.ts';

/** One version of a model that could be loaded or is. */
export interface RepositoryEntry {
  readonly name: string;
  /** Absent, with `state`, for a model that was never loaded. */
  readonly version?: string;
  readonly state?: 'UNKNOWN' | 'READY' | 'UNAVAILABLE' | 'LOADING' | 'UNLOADING';
  readonly reason?: string;
}

/** Another configuration and other files for one load. `files`: path inside the model's folder (`1/model.onnx`) → contents. */
export interface LoadOverride {
  readonly config?: JsonObject;
  readonly files?: ReadonlyMap<string, Uint8Array>;
}

/** The models that a server can load, as protocols reach them. Methods throw PlinthError. */
export interface ModelRepository {
  index(): readonly RepositoryEntry[];
  /** Resolves when the model is ready. Loads it anew when it is. */
  load(model: string, override?: LoadOverride): Promise<void>;
  /** Resolves as soon as it takes no new requests. `dependents`: the models of an ensemble go with it. */
  unload(model: string, dependents: 'keep' | 'unload'): Promise<void>;
}
