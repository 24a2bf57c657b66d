import { posix } from 'node:path';
import { exportedDeclarations, findDeclaration } from '../declarations.ts';
import type { Rule } from '../rule.ts';
import type { SourceFile } from '../source-file.ts';
import type { SourceTree } from '../source-tree.ts';

/** Every export under src has an importer somewhere. */
export const unusedExports: Rule = {
  name: 'unused-exports',
  check(tree) {
    const used = usedNames(tree);
    return [...tree.sources.values()]
      .filter((file) => file.path.startsWith('src/'))
      .flatMap((file) =>
        file.exports
          .filter(
            ({ name }) =>
              !used.has(keyOf(file.path, name)) && !used.has(keyOf(file.path, '*')) && !isNamedBySibling(tree, file, name),
          )
          .map(({ name, line }) => ({
            file: file.path,
            line,
            problem: `nothing imports ${name}`,
            remedy: 'delete it, stop exporting it, or give the reason in scripts/checks/allowances.ts',
          })),
      );
  },
};

function keyOf(path: string, name: string): string {
  return `${path} ${name}`;
}

function usedNames(tree: SourceTree): Set<string> {
  const edges = [...tree.sources.values()].flatMap((file) => file.imports);
  return new Set(edges.flatMap(({ target, names }) => (target === undefined ? [] : names.map((name) => keyOf(target, name)))));
}

/** A type is in use where another export of its folder is written with it: callers meet it without naming it. */
function isNamedBySibling(tree: SourceTree, file: SourceFile, name: string): boolean {
  const kind = findDeclaration(tree, file.path, name)?.declaration.kind;
  if (kind !== 'interface' && kind !== 'type') return false;
  const folder = posix.dirname(file.path);
  const word = new RegExp(String.raw`\b${name}\b`);
  return [...tree.sources.values()]
    .filter((sibling) => posix.dirname(sibling.path) === folder && !sibling.isTest)
    .some((sibling) =>
      exportedDeclarations(sibling).some((declaration) => declaration.name !== name && word.test(declaration.text)),
    );
}
