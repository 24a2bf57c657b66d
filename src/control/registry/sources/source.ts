/** Where a source writes the file, from the beginning or from what an earlier attempt left. Paths, digests and space are its matter. */
export interface DownloadTarget {
  /** Bytes held from an earlier attempt. */
  readonly heldBytes: number;
  /** The entity tag under which the held bytes came from this very reference. */
  readonly heldTag: string | undefined;
  readonly expectedBytes: number | undefined;
  readonly expectedSha256: string | undefined;
  /** Whether the held bytes are worth going on from. */
  readonly isResumable: boolean;
  /** What the source itself says the digest is. Throws when another one is known already. */
  expectSha256(sha256: string): void;
  /** Throws `insufficient_storage` when so many more bytes do not fit. */
  demandSpace(bytes: number): Promise<void>;
  /** Begins to take bytes at `fromBytes`, forgetting what is held beyond. */
  start(beginning: { readonly fromBytes: number; readonly totalBytes?: number; readonly tag?: string }): Promise<void>;
  write(chunk: Uint8Array): Promise<void>;
}

/** What every request to a source says. */
interface RequestHead {
  readonly reference: string;
  /** An empty folder on the target's file system, removed afterwards. */
  readonly workFolder: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  /** Progress that the target cannot see: bytes of a package around the file. */
  readonly report: (receivedBytes: number, totalBytes?: number) => void;
}

/** One file that is wanted from a source. */
export interface SourceRequest extends RequestHead {
  readonly target: DownloadTarget;
}

/** A folder whose files are wanted from a source. */
export interface FolderRequest extends RequestHead {
  /** Bytes that the files are known to have together, to make sure of room; 0 when unknown. */
  readonly expectedBytes: number;
  readonly demandSpace: (bytes: number) => Promise<void>;
}

/** A file of a source's folder; the path is one that stays inside it. */
export interface OfferedFile {
  readonly path: string;
  readonly bytes?: number;
  /** What the source says the digest is. */
  readonly sha256?: string;
}

/** A folder of a source, reached. Its work folder must stay until the last file has been fetched. */
export interface SourceFolder {
  readonly files: readonly OfferedFile[];
  /** What the source says the licence is. */
  readonly licence?: string;
  /** As {@link Source.fetch}, for one of `files`. */
  fetch(path: string, target: DownloadTarget): Promise<void>;
}

/** A reference to a folder, or to one graph with what lies around it. */
export interface FolderReference {
  /** The reference of the whole folder, which `openFolder` takes. */
  readonly folder: string;
  /** The folder's own name. */
  readonly name: string;
  /** The file that was named. */
  readonly path?: string;
}

/** One way to get a model file. */
export interface Source {
  /** The word before the colon of its references. */
  readonly scheme: string;
  /** The form of its references, for messages. */
  readonly form: string;
  /** The path of the file that a reference names, or nothing when it is malformed or names a folder. */
  readPath(reference: string): string | undefined;
  /**
   * Writes the whole file to the target. Throws an error whose message says in one line, without secrets, why it could not;
   * `cancelled` and `insufficient_storage` as they are.
   */
  fetch(request: SourceRequest): Promise<void>;
  /** The folder that a reference names or that its file lies in; nothing when it is malformed. Absent where there are no folders. */
  readFolder?(reference: string): FolderReference | undefined;
  /** Reaches a folder and lists its files. Throws as {@link fetch} does. */
  openFolder?(request: FolderRequest): Promise<SourceFolder>;
}
