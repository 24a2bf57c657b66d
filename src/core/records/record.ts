import type { TaskName } from '../models/index.ts';

/** One file of a model of several. */
export interface FileRecord {
  /** Inside the model's folder, with slashes: `onnx/model.onnx`. */
  readonly path: string;
  /** 64 lower-case hexadecimal digits. */
  readonly sha256: string;
  readonly bytes: number;
  /** Modification time when the digest was last computed, in milliseconds. */
  readonly modifiedAtMs: number;
}

/** What the book keeps of a model whose file was fetched, checked and recorded. Immutable but for `fileModifiedAtMs`. */
export interface ModelRecord {
  /** Unique in a book. */
  readonly name: string;
  /** What was asked for: a catalog name, a source reference, or `file:` and an absolute path. */
  readonly reference: string;
  readonly engine: 'llama' | 'onnx';
  readonly task: TaskName;
  /** Of the file, or of the list of files: 64 lower-case hexadecimal digits. */
  readonly sha256: string;
  /** Of all files. */
  readonly bytes: number;
  /** The files of a model of several, the one that is loaded first at the beginning; absent for a model of one GGUF file. */
  readonly files?: readonly FileRecord[];
  /** The source reference that served the file or the files. */
  readonly source: string;
  /** SPDX expression, where it is known. */
  readonly licence?: string;
  /** Unix milliseconds. */
  readonly addedAt: number;
  /** Modification time of the one file when its digest was last computed, in milliseconds; 0 with `files`. */
  readonly fileModifiedAtMs: number;
}

/** What the book keeps of a key: never the key. Times are unix milliseconds. */
export interface KeyRecord {
  readonly id: string;
  readonly label: string;
  readonly role: 'inference' | 'admin';
  /** Keyed hash of the key, 64 hexadecimal digits. */
  readonly hash: string;
  readonly createdAt: number;
  readonly revokedAt?: number;
  readonly lastUsedAt?: number;
}

/** The models of a book. A resolved promise means that the change survives a power loss. */
export interface ModelRecords {
  /** Adds, or replaces the record of the same name. */
  putModel(record: ModelRecord): Promise<void>;
  findModel(name: string): Promise<ModelRecord | undefined>;
  /** By name. */
  listModels(): Promise<readonly ModelRecord[]>;
  /** False when there was none. */
  removeModel(name: string): Promise<boolean>;
}

/** The keys of a book. A resolved promise means that the change survives a power loss. */
export interface KeyRecords {
  addKey(record: KeyRecord): Promise<void>;
  /** Oldest first, revoked ones included. */
  listKeys(): Promise<readonly KeyRecord[]>;
  /** False when no key has this id or it was revoked before. */
  revokeKey(id: string, revokedAt: number): Promise<boolean>;
  /** Notes when keys were last used; unknown ids are passed over. */
  noteKeyUses(uses: ReadonlyMap<string, number>): Promise<void>;
  /** What keys are hashed with, 64 hexadecimal digits, where all processes of a book share it; undefined where a home keeps its own. */
  keySecret(): Promise<string | undefined>;
  /** A number that grows with every key added or revoked, whichever process did it. */
  keysRevision(): Promise<number>;
}
