import type { Finding, Rule } from './rule.ts';
import { buildSourceTree } from './source-tree.ts';

/** What a rule finds in a tree of these texts by path. */
export function findIn(rule: Rule, texts: Readonly<Record<string, string>>): Finding[] {
  return rule.check(buildSourceTree(new Map(Object.entries(texts))));
}

/** The places alone, `path:line`, for a short comparison. */
export function placesIn(rule: Rule, texts: Readonly<Record<string, string>>): string[] {
  return findIn(rule, texts).map(({ file, line }) => (line === undefined ? file : `${file}:${line}`));
}

/** `count` lines of code. */
export function linesOfCode(count: number): string {
  return 'f();\n'.repeat(count);
}
