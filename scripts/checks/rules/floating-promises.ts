import { Visitor, type Class, type ExpressionStatement, type Function, type ArrowFunctionExpression } from 'oxc-parser';
import { nameOfKey } from '../functions.ts';
import type { Finding, Rule } from '../rule.ts';
import type { SourceFile } from '../source-file.ts';
import type { SourceTree } from '../source-tree.ts';

/**
 * A call whose promise nobody awaits, returns or voids. Seen without types: functions of this tree that are `async` or declare a
 * Promise, called by name, and such methods called on `this`.
 */
export const floatingPromises: Rule = {
  name: 'floating-promises',
  check(tree) {
    const promising = new Map([...tree.sources].map(([path, file]) => [path, promisingFunctions(file)]));
    return [...tree.sources.values()].flatMap((file) => checkFile(file, namesInReach({ tree, file, promising })));
  },
};

function checkFile(file: SourceFile, names: ReadonlySet<string>): Finding[] {
  const findings: Finding[] = [];
  const methods: ReadonlySet<string>[] = [];
  new Visitor({
    ClassBody: (node) => void methods.push(promisingMethods(node.body)),
    'ClassBody:exit': () => void methods.pop(),
    ExpressionStatement(node) {
      const callee = calleeOf(node);
      const isFloating = callee.startsWith('this.') ? methods.at(-1)?.has(callee.slice('this.'.length)) : names.has(callee);
      if (isFloating !== true) return;
      findings.push({
        file: file.path,
        line: file.lineAt(node.start),
        problem: `the promise of ${callee}() is dropped, and with it its failure`,
        remedy: 'await it, return it, or write void before it where a failure cannot matter or is caught inside',
      });
    },
  }).visit(file.parsed.program);
  return findings;
}

function calleeOf(statement: ExpressionStatement): string {
  const call = statement.expression;
  if (call.type !== 'CallExpression') return '';
  if (call.callee.type === 'Identifier') return call.callee.name;
  if (call.callee.type !== 'MemberExpression' || call.callee.object.type !== 'ThisExpression') return '';
  const { property } = call.callee;
  if (property.type === 'PrivateIdentifier') return `this.#${property.name}`;
  return property.type === 'Identifier' ? `this.${property.name}` : '';
}

function isPromising(callable: Function | ArrowFunctionExpression): boolean {
  const type = callable.returnType?.typeAnnotation;
  return (
    callable.async ||
    (type?.type === 'TSTypeReference' && type.typeName.type === 'Identifier' && type.typeName.name === 'Promise')
  );
}

function promisingFunctions(file: SourceFile): Set<string> {
  const names = new Set<string>();
  new Visitor({
    FunctionDeclaration(node) {
      if (node.id !== null && !node.generator && isPromising(node)) names.add(node.id.name);
    },
    VariableDeclarator(node) {
      if (node.id.type === 'Identifier' && node.init?.type === 'ArrowFunctionExpression' && isPromising(node.init))
        names.add(node.id.name);
    },
  }).visit(file.parsed.program);
  return names;
}

function promisingMethods(members: Class['body']['body']): Set<string> {
  return new Set(
    members.flatMap((member) =>
      member.type === 'MethodDefinition' && !member.value.generator && isPromising(member.value) ? [nameOfKey(member.key)] : [],
    ),
  );
}

interface Reach {
  readonly tree: SourceTree;
  readonly file: SourceFile;
  readonly promising: ReadonlyMap<string, ReadonlySet<string>>;
}

/** Own functions, and imported ones followed through doors. */
function namesInReach({ tree, file, promising }: Reach): Set<string> {
  const imported = file.imports.flatMap(({ target, names }) =>
    target === undefined ? [] : names.filter((name) => promising.get(declaringFile({ tree, path: target, name }))?.has(name)),
  );
  return new Set([...(promising.get(file.path) ?? []), ...imported]);
}

function declaringFile({ tree, path, name }: { tree: SourceTree; path: string; name: string }): string {
  const origin = tree.sources.get(path)?.exports.find((entry) => entry.name === name)?.origin;
  return origin?.target === undefined || origin.name !== name ? path : declaringFile({ tree, path: origin.target, name });
}
