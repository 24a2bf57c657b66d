import { formatSource, type ConfigSource } from './config-source.ts';

export type ConfigTree = { [key: string]: unknown };

/** What one source says: values in the shape of the schema, and where each part of them stands. */
export interface ConfigLayer {
  readonly values: ConfigTree;
  /** The source of the value (or, for a key that the schema lacks, of the key) at a path. */
  sourceOf(path: readonly string[]): ConfigSource;
}

/** Something wrong with the configuration, in a sentence that names the field, what was expected, what came and from where. */
export interface ConfigProblem {
  readonly key: string;
  readonly source: ConfigSource;
  readonly message: string;
}

export function describeProblem(problem: ConfigProblem): string {
  const subject = problem.key === '' ? '' : `${problem.key}: `;
  const source = formatSource(problem.source);
  return problem.message.includes(source) ? subject + problem.message : `${subject}${problem.message} (${source})`;
}

/** How a value looks in a message: JSON, cut to one line. */
export function formatValue(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value) ?? typeof value;
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

export function isTree(value: unknown): value is ConfigTree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function readAt(tree: ConfigTree, path: readonly string[]): unknown {
  let value: unknown = tree;
  for (const part of path) {
    if (Array.isArray(value)) value = value[Number(part)] as unknown;
    else if (isTree(value) && Object.hasOwn(value, part)) value = value[part];
    else return undefined;
  }
  return value;
}

/** Sets the value at `path`, replacing whatever stands in its way. */
export function writeAt(tree: ConfigTree, path: readonly string[], value: unknown): void {
  const [first, ...rest] = path;
  if (first === undefined) return;
  if (rest.length === 0) {
    tree[first] = value;
    return;
  }
  const existing = tree[first];
  const inner: ConfigTree = isTree(existing) ? existing : {};
  tree[first] = inner;
  writeAt(inner, rest, value);
}
