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

/** One file that is wanted from a source. */
export interface SourceRequest {
  readonly reference: string;
  readonly target: DownloadTarget;
  /** An empty folder on the target's file system, removed afterwards. */
  readonly workFolder: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  /** Progress that the target cannot see: bytes of a package around the file. */
  readonly report: (receivedBytes: number, totalBytes?: number) => void;
}

/** One way to get a model file. */
export interface Source {
  /** The word before the colon of its references. */
  readonly scheme: string;
  /** The form of its references, for messages. */
  readonly form: string;
  /** The path of the file that a reference names, or nothing when it is malformed. */
  readPath(reference: string): string | undefined;
  /**
   * Writes the whole file to the target. Throws an error whose message says in one line, without secrets, why it could not;
   * `cancelled` and `insufficient_storage` as they are.
   */
  fetch(request: SourceRequest): Promise<void>;
}
