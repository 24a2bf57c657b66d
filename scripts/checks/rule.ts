import type { SourceTree } from './source-tree.ts';

/** One violation: where it is, what is wrong, and what to do about it. */
export interface Finding {
  /** Path from the repository root. */
  readonly file: string;
  /** From 1. Absent when the finding is about a whole file, a folder or the tree. */
  readonly line?: number;
  /** What is wrong, with the numbers. */
  readonly problem: string;
  readonly remedy: string;
}

/** One law of the house. Pure: it reads the tree that it is given and nothing else. */
export interface Rule {
  readonly name: string;
  check(tree: SourceTree): Finding[];
}
