import { posix } from 'node:path';
import { parseSync, type EcmaScriptModule, type ImportName, type ParseResult } from 'oxc-parser';

/** One import or re-export of another file of the tree. */
export interface ImportEdge {
  /** As it is written: `../access/index.ts`. */
  readonly specifier: string;
  /** Path from the root when the specifier is relative; undefined for a package. */
  readonly target: string | undefined;
  /** The imported names; `*` is all of them. */
  readonly names: readonly string[];
  readonly line: number;
}

/** One exported name. */
export interface ExportedName {
  readonly name: string;
  readonly line: number;
  /** Where the name comes from when it is re-exported: the file, and its name there. */
  readonly origin?: { readonly target: string | undefined; readonly name: string };
}

export interface SourceFile {
  /** Path from the repository root, with `/`. */
  readonly path: string;
  readonly text: string;
  readonly lines: number;
  readonly parsed: ParseResult;
  readonly imports: readonly ImportEdge[];
  readonly exports: readonly ExportedName[];
  readonly isTest: boolean;
  /** The reason after `@budget` in the first comments of the file, if there is one. */
  readonly budgetReason: string | undefined;
  lineAt(offset: number): number;
}

export function parseSourceFile(path: string, text: string): SourceFile {
  const lineAt = lineLookup(text);
  const parsed = parseSync(path, text);
  const module = parsed.module;
  return {
    path,
    text,
    lines: text.split('\n').length - (text.endsWith('\n') ? 1 : 0),
    parsed,
    imports: [
      ...staticImports(path, module, lineAt),
      ...reExports(path, module, lineAt),
      ...dynamicImports(path, text, module, lineAt),
    ],
    exports: exportedNames(path, module, lineAt),
    isTest: path.endsWith('.test.ts'),
    budgetReason: budgetReasonOf(text),
    lineAt,
  };
}

type LineLookup = (offset: number) => number;

function lineLookup(text: string): LineLookup {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return (offset) => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return low + 1;
  };
}

function resolveFrom(path: string, specifier: string): string | undefined {
  return specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : undefined;
}

function staticImports(path: string, module: EcmaScriptModule, lineAt: LineLookup): ImportEdge[] {
  return module.staticImports.map((statement) => ({
    specifier: statement.moduleRequest.value,
    target: resolveFrom(path, statement.moduleRequest.value),
    names: statement.entries.map(({ importName }) => importedName(importName)),
    line: lineAt(statement.start),
  }));
}

function importedName({ kind, name }: ImportName): string {
  if (kind === 'Default') return 'default';
  return kind === 'Name' ? (name ?? '*') : '*';
}

function reExports(path: string, module: EcmaScriptModule, lineAt: LineLookup): ImportEdge[] {
  return module.staticExports.flatMap((statement) =>
    statement.entries.flatMap((entry) =>
      entry.moduleRequest === null
        ? []
        : [
            {
              specifier: entry.moduleRequest.value,
              target: resolveFrom(path, entry.moduleRequest.value),
              names: [entry.importName.name ?? '*'],
              line: lineAt(entry.start),
            },
          ],
    ),
  );
}

/** `import('./x.ts')` with a literal; what it takes is unknown, so it counts as everything. */
function dynamicImports(path: string, text: string, module: EcmaScriptModule, lineAt: LineLookup): ImportEdge[] {
  return module.dynamicImports.flatMap((expression) => {
    const literal = /^['"`]([^'"`$]+)['"`]$/.exec(text.slice(expression.moduleRequest.start, expression.moduleRequest.end))?.[1];
    if (literal === undefined) return [];
    return [{ specifier: literal, target: resolveFrom(path, literal), names: ['*'], line: lineAt(expression.start) }];
  });
}

function exportedNames(path: string, module: EcmaScriptModule, lineAt: LineLookup): ExportedName[] {
  const imported = new Map(
    module.staticImports.flatMap((statement) =>
      statement.entries.map(
        (entry) =>
          [
            entry.localName.value,
            { target: resolveFrom(path, statement.moduleRequest.value), name: entry.importName.name ?? '*' },
          ] as const,
      ),
    ),
  );
  return module.staticExports.flatMap((statement) =>
    statement.entries.map((entry) => {
      const name = entry.exportName.kind === 'Default' ? 'default' : (entry.exportName.name ?? '*');
      const line = lineAt(entry.start);
      if (entry.moduleRequest !== null) {
        return {
          name,
          line,
          origin: { target: resolveFrom(path, entry.moduleRequest.value), name: entry.importName.name ?? '*' },
        };
      }
      const origin = imported.get(entry.localName.name ?? '');
      return origin === undefined ? { name, line } : { name, line, origin };
    }),
  );
}

/** A file that must exceed a budget says so before its first statement: `@budget <reason>`. */
function budgetReasonOf(text: string): string | undefined {
  const head = /^(?:\s*(?:\/\/[^\n]*\n|\/\*[\s\S]*?\*\/|import\b[^;]*;))*/.exec(text)?.[0] ?? '';
  return /@budget[ \t]+(\S[^\n]*?)(?:\s*\*\/)?$/m.exec(head)?.[1];
}
