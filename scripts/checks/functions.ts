import { Visitor, type ArrowFunctionExpression, type Function, type PropertyKey, type Span } from 'oxc-parser';
import type { SourceFile } from './source-file.ts';

export interface FunctionBody {
  readonly name: string;
  readonly line: number;
  readonly lines: number;
  readonly parameters: number;
}

type Callable = Function | ArrowFunctionExpression;

/** Named functions, methods, accessors and arrows bound to a name; nested ones too. */
export function bodiesOf(file: SourceFile): FunctionBody[] {
  const found: FunctionBody[] = [];
  const add = (name: string, callable: Callable, whole: Span) => {
    const line = file.lineAt(whole.start);
    found.push({ name, line, lines: file.lineAt(whole.end) - line + 1, parameters: callable.params.length });
  };
  const addIfCallable = (name: string, value: { readonly type: string } | null, whole: Span) => {
    if (isCallable(value)) add(name, value, whole);
  };
  new Visitor({
    FunctionDeclaration: (node) => add(node.id?.name ?? 'default', node, node),
    MethodDefinition: (node) => add(nameOfKey(node.key), node.value, node),
    PropertyDefinition: (node) => addIfCallable(nameOfKey(node.key), node.value, node),
    Property: (node) => addIfCallable(nameOfKey(node.key), node.value, node),
    VariableDeclarator: (node) => addIfCallable(node.id.type === 'Identifier' ? node.id.name : 'destructured', node.init, node),
  }).visit(file.parsed.program);
  return found;
}

function isCallable(value: { readonly type: string } | null): value is Callable {
  return value !== null && (value.type === 'FunctionExpression' || value.type === 'ArrowFunctionExpression');
}

/** How a property key reads in a message. */
export function nameOfKey(key: PropertyKey): string {
  if (key.type === 'Identifier') return key.name;
  if (key.type === 'PrivateIdentifier') return `#${key.name}`;
  if (key.type === 'Literal') return String(key.value);
  return 'computed';
}
