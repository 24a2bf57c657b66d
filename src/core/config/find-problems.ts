import type { z } from 'zod';
import { expectationAt, keysAt } from './config-fields.ts';
import { formatValue, isTree, readAt, type ConfigProblem, type ConfigTree } from './config-layer.ts';
import type { ConfigSource } from './config-source.ts';
import { suggest } from './read-named-values.ts';

type Issue = z.core.$ZodIssue;

export interface RefusedTree {
  readonly values: ConfigTree;
  readonly issues: readonly Issue[];
  sourceOf(path: readonly string[]): ConfigSource;
}

/** Puts what the schema refused into the words of the configuration: field, expectation, what came, where from. */
export function findProblems(refused: RefusedTree): ConfigProblem[] {
  return refused.issues.flatMap((issue) => describeIssue(issue, refused));
}

function describeIssue(issue: Issue, refused: RefusedTree): ConfigProblem[] {
  const path = issue.path.map(String);
  const value = readAt(refused.values, path);
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => describeUnknownKey([...path, key], refused));
  if (issue.code === 'invalid_union' && isTree(value)) {
    const nested = issue.errors.find((errors) =>
      errors.every((inner) => inner.path.length > 0 || inner.code === 'unrecognized_keys'),
    );
    if (nested !== undefined)
      return nested.flatMap((inner) => describeIssue({ ...inner, path: [...issue.path, ...inner.path] }, refused));
  }
  const message = issue.code === 'custom' ? issue.message : `expected ${expectationAt(path)}, got ${formatValue(value)}`;
  return [{ key: formatPath(path), source: refused.sourceOf(path), message }];
}

function describeUnknownKey(path: readonly string[], refused: RefusedTree): ConfigProblem {
  const name = path.at(-1) ?? '';
  const parent = path.slice(0, -1);
  const where = parent.length === 0 ? '' : ` in ${formatPath(parent)}`;
  const message = `unknown key ${JSON.stringify(name)}${where}${suggest(name, keysAt(parent))}`;
  return { key: '', source: refused.sourceOf(path), message };
}

/** `models[0].name` */
function formatPath(path: readonly string[]): string {
  return path.map((part, i) => (/^\d+$/.test(part) ? `[${part}]` : i === 0 ? part : `.${part}`)).join('');
}
