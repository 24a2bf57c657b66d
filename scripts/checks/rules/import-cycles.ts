import type { Finding, Rule } from '../rule.ts';
import type { SourceTree } from '../source-tree.ts';

/** No file reaches itself through its imports, types included. */
export const importCycles: Rule = {
  name: 'import-cycles',
  check(tree) {
    const state = new Map<string, 'open' | 'closed'>();
    const findings: Finding[] = [];
    for (const path of tree.sources.keys()) visit({ tree, state, findings, trail: [] }, path);
    return findings;
  },
};

interface Search {
  readonly tree: SourceTree;
  readonly state: Map<string, 'open' | 'closed'>;
  readonly findings: Finding[];
  readonly trail: string[];
}

function visit(search: Search, path: string): void {
  search.state.set(path, 'open');
  search.trail.push(path);
  for (const edge of search.tree.sources.get(path)?.imports ?? []) {
    if (edge.target === undefined || !search.tree.sources.has(edge.target)) continue;
    const seen = search.state.get(edge.target);
    if (seen === undefined) visit(search, edge.target);
    if (seen !== 'open') continue;
    const cycle = [...search.trail.slice(search.trail.indexOf(edge.target)), edge.target];
    search.findings.push({
      file: path,
      line: edge.line,
      problem: `import cycle: ${cycle.join(' → ')}`,
      remedy: 'move what both need into a file that imports neither',
    });
  }
  search.trail.pop();
  search.state.set(path, 'closed');
}
