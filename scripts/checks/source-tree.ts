import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseSourceFile, type SourceFile } from './source-file.ts';

/** The repository as the rules see it. */
export interface SourceTree {
  /** Every TypeScript file of src, packages, examples, tests, benchmarks and scripts by its path. Generated code is left out. */
  readonly sources: ReadonlyMap<string, SourceFile>;
  /** Every text file of the repository by its path: the sources, and scripts, documents, settings. */
  readonly texts: ReadonlyMap<string, string>;
}

const SOURCE_FOLDERS = /^(?:src|packages|tests|benchmarks|scripts|examples)\//;
const SOURCE_EXTENSIONS = /\.(?:ts|mjs)$/;
const GENERATED = /(?:^|\/)generated\/|\.generated\.|_pb\.ts$/;
/** npm writes the lock file; the licence is not ours to word. */
const NOT_OURS = new Set(['package-lock.json', 'LICENSE']);

/** Reads what git tracks or would track under `root`. */
export function readSourceTree(root: string): SourceTree {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], {
    cwd: root,
    encoding: 'utf8',
  });
  const files = listed.split('\0').filter((path) => path !== '' && !NOT_OURS.has(path) && existsSync(join(root, path)));
  return buildSourceTree(new Map(files.toSorted().map((path) => [path, readFileSync(join(root, path), 'utf8')])));
}

/** Builds a tree from texts alone. */
export function buildSourceTree(texts: ReadonlyMap<string, string>): SourceTree {
  const ours = [...texts].filter(([, text]) => !text.includes('\0'));
  const sources = ours
    .filter(([path]) => SOURCE_FOLDERS.test(path) && SOURCE_EXTENSIONS.test(path) && !GENERATED.test(path))
    .map(([path, text]) => [path, parseSourceFile(path, text)] as const);
  return { sources: new Map(sources), texts: new Map(ours) };
}

/** The production files: under src and packages, tests left out. */
export function productFiles(tree: SourceTree): SourceFile[] {
  return [...tree.sources.values()].filter((file) => /^(?:src|packages)\//.test(file.path) && !file.isTest);
}
