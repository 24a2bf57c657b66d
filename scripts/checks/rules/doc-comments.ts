import { findDeclaration, isDoor } from '../declarations.ts';
import type { Finding, Rule } from '../rule.ts';
import type { SourceTree } from '../source-tree.ts';

/** Every function, class and interface that a door offers carries a doc comment where it is declared. */
export const docComments: Rule = {
  name: 'doc-comments',
  check(tree) {
    const doors = [...tree.sources.values()].filter((file) => isDoor(file.path));
    const bare = doors.flatMap((door) => door.exports.flatMap(({ name }) => bareDeclaration(tree, door.path, name)));
    // A name that two doors offer is declared once.
    return [...new Map(bare.map((finding) => [`${finding.file}:${finding.line}`, finding])).values()];
  },
};

function bareDeclaration(tree: SourceTree, door: string, name: string): Finding[] {
  const found = findDeclaration(tree, door, name);
  if (found === undefined || found.declaration.hasDoc) return [];
  const { file, declaration } = found;
  if (declaration.kind === 'type' || declaration.kind === 'value') return [];
  return [
    {
      file: file.path,
      line: declaration.line,
      problem: `${declaration.kind} ${declaration.name} is offered by ${door} without a doc comment`,
      remedy: 'say shapes, units, errors and source in a /** */ right above it',
    },
  ];
}
