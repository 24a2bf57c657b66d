import { posix } from 'node:path';
import type { Declaration, Statement } from 'oxc-parser';
import type { SourceFile } from './source-file.ts';
import type { SourceTree } from './source-tree.ts';

export interface ExportedDeclaration {
  readonly name: string;
  readonly kind: 'function' | 'class' | 'interface' | 'type' | 'value';
  readonly line: number;
  /** From the first word of the statement to its end. */
  readonly text: string;
  readonly hasDoc: boolean;
}

/** What a file declares and exports by name; re-exports are not declarations. */
export function exportedDeclarations(file: SourceFile): ExportedDeclaration[] {
  const exported = new Set(file.exports.filter(({ origin }) => origin === undefined).map(({ name }) => name));
  return file.parsed.program.body.flatMap((statement) => {
    const declaration = declarationOf(statement);
    if (declaration === undefined) return [];
    return namesOf(declaration)
      .filter(({ name }) => exported.has(name))
      .map(({ name, kind }) => ({
        name,
        kind,
        line: file.lineAt(statement.start),
        text: file.text.slice(statement.start, statement.end),
        hasDoc: hasDocBefore(file, statement.start),
      }));
  });
}

/** Follows a re-export to the file that declares the name. */
export function findDeclaration(
  tree: SourceTree,
  path: string,
  name: string,
): { file: SourceFile; declaration: ExportedDeclaration } | undefined {
  const file = tree.sources.get(path);
  const origin = file?.exports.find((entry) => entry.name === name)?.origin;
  if (origin?.target !== undefined && origin.target !== path) return findDeclaration(tree, origin.target, origin.name);
  const declaration = file && exportedDeclarations(file).find((entry) => entry.name === name);
  return file && declaration ? { file, declaration } : undefined;
}

/** A folder's `index.ts` under src. */
export function isDoor(path: string): boolean {
  return path.startsWith('src/') && posix.basename(path) === 'index.ts';
}

function declarationOf(statement: Statement): Declaration | undefined {
  if (statement.type === 'ExportNamedDeclaration') return statement.declaration ?? undefined;
  return isDeclaration(statement) ? statement : undefined;
}

function isDeclaration(statement: Statement): statement is Statement & Declaration {
  return /Declaration$|^TSDeclareFunction$/.test(statement.type) && !/^(?:Import|Export)/.test(statement.type);
}

type NamedKind = Pick<ExportedDeclaration, 'name' | 'kind'>;

function namesOf(declaration: Declaration): NamedKind[] {
  switch (declaration.type) {
    case 'FunctionDeclaration':
    case 'TSDeclareFunction':
      return declaration.id ? [{ name: declaration.id.name, kind: 'function' }] : [];
    case 'ClassDeclaration':
      return declaration.id ? [{ name: declaration.id.name, kind: 'class' }] : [];
    case 'TSInterfaceDeclaration':
      return [{ name: declaration.id.name, kind: 'interface' }];
    case 'TSTypeAliasDeclaration':
      return [{ name: declaration.id.name, kind: 'type' }];
    case 'VariableDeclaration':
      return declaration.declarations.flatMap(({ id, init }) =>
        id.type === 'Identifier'
          ? [{ name: id.name, kind: init?.type === 'ArrowFunctionExpression' ? ('function' as const) : ('value' as const) }]
          : [],
      );
    default:
      return [];
  }
}

function hasDocBefore(file: SourceFile, start: number): boolean {
  return file.parsed.comments.some(
    (comment) =>
      comment.type === 'Block' &&
      comment.value.startsWith('*') &&
      file.text.slice(comment.end, start).trim() === '' &&
      comment.end <= start,
  );
}
