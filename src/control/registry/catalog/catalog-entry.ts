import type { TaskName } from '../../../core/models/index.ts';
import type { Edition } from './edition.ts';

/** What is said of every model that is known by name. */
interface EntryHead {
  readonly name: string;
  readonly title: string;
  readonly engine: 'llama' | 'onnx';
  readonly task: TaskName;
  /** Of all files together. */
  readonly bytes: number;
  /** SPDX expression. */
  readonly licence: string;
}

/** A model of one GGUF file, the same from every source. */
export interface FileEntry extends EntryHead {
  readonly sha256: string;
  /** Source references to the same file, tried in this order. */
  readonly sources: readonly string[];
}

/** A model of several files. */
export interface FolderEntry extends EntryHead {
  /** Tried in this order. */
  readonly editions: readonly Edition[];
}

/** A model that is known by name. */
export type CatalogEntry = FileEntry | FolderEntry;
