/** A package of more files is no package of a model. */
export const MAX_LISTED_FILES = 20_000;

/** A file that an archive says it has. The path is as the archive writes it, unchecked. */
export interface ListedMember {
  readonly path: string;
  readonly bytes: number;
}
