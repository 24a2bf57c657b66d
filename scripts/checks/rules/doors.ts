import { posix } from 'node:path';
import type { Finding, Rule } from '../rule.ts';
import type { ImportEdge, SourceFile } from '../source-file.ts';

/** One door per folder: what lies outside a folder imports its `index.ts`, which names every export. */
export const doors: Rule = {
  name: 'doors',
  check: (tree) => [...tree.sources.values()].flatMap((file) => [...deepImports(file), ...exportStars(file)]),
};

function deepImports(file: SourceFile): Finding[] {
  return file.imports.flatMap((edge) => {
    if (edge.target === undefined || !edge.target.startsWith('src/') || !isDeep(file.path, edge.target)) return [];
    const folder = posix.dirname(edge.target);
    return [
      {
        file: file.path,
        line: edge.line,
        problem: `${edge.specifier} goes past the door of ${folder}`,
        remedy: doorAdvice(edge, folder),
      },
    ];
  });
}

function doorAdvice(edge: ImportEdge, folder: string): string {
  return `export ${edge.names.join(', ')} from ${folder}/index.ts and import that`;
}

/** Whether the imported file lies in a folder that does not hold the importing file, and is not that folder's door. */
function isDeep(from: string, target: string): boolean {
  const folder = posix.dirname(target);
  if (`${posix.dirname(from)}/`.startsWith(`${folder}/`)) return false;
  return posix.basename(target) !== 'index.ts';
}

function exportStars(file: SourceFile): Finding[] {
  return file.exports
    .filter(({ name }) => name === '*')
    .map(({ line }) => ({ file: file.path, line, problem: 'export * hides what the door offers', remedy: 'name every export' }));
}
