import { parseTemplate, type JinjaElement } from './jinja-library.ts';
import { TemplateLimitError, templateLimits } from './template-limits.ts';

/** A parsed template with what its interpreter must know of its nodes. */
export interface TemplateSyntax {
  readonly program: JinjaElement;
  /** Statements of a body: their value is printed. */
  readonly printed: ReadonlySet<JinjaElement>;
  /** What a `for` runs over. */
  readonly iterated: ReadonlySet<JinjaElement>;
  /** Macros and call blocks, with the size of their trees: defining one walks all of it. */
  readonly definitions: ReadonlyMap<JinjaElement, number>;
  readonly identifiers: ReadonlySet<string>;
}

/** Filters for which a filter block cannot grow out of its bounds. */
const blockFilters = new Set(['trim', 'upper', 'lower', 'title', 'capitalize', 'safe', 'string', 'length']);

/** @throws TemplateLimitError or the parser's own error. */
export function readTemplate(source: string): TemplateSyntax {
  refuseLargeSource(source);
  const program = parseTemplate(source);
  const printed = new Set<JinjaElement>();
  const iterated = new Set<JinjaElement>();
  const definitions = new Map<JinjaElement, number>();
  const identifiers = new Set<string>();
  for (const node of nodesOf(program)) {
    for (const statement of bodiesOf(node)) printed.add(statement);
    if (node.type === 'For') iterated.add(iterableOf(node));
    if (node.type === 'Macro' || node.type === 'CallStatement') definitions.set(node, nodesOf(node).length);
    if (node.type === 'Identifier') identifiers.add(String(fieldOf(node, 'value')));
    refuseOpaqueFilter(node);
  }
  return { program, printed, iterated, definitions, identifiers };
}

/** A field of a node that another part of this room names. */
export function fieldOf(node: JinjaElement, name: string): unknown {
  return Object.hasOwn(node, name) ? Reflect.get(node, name) : undefined;
}

/** The node in a field. */
export function childOf(node: JinjaElement, name: string): JinjaElement | undefined {
  const child = fieldOf(node, name);
  return isNode(child) ? child : undefined;
}

/** The name of a filter, `replace` of both `x | replace` and `x | replace(a, b)`. */
export function filterNameOf(node: JinjaElement): string {
  const filter = childOf(node, 'filter');
  const name = filter?.type === 'CallExpression' ? childOf(filter, 'callee') : filter;
  return name === undefined ? '' : String(fieldOf(name, 'value'));
}

function refuseLargeSource(source: string): void {
  if (Buffer.byteLength(source) > templateLimits.sourceBytes) {
    throw new TemplateLimitError(`is larger than ${templateLimits.sourceBytes} bytes`);
  }
  let run = 0;
  for (const char of source) {
    run = char.trim() === '' ? run + 1 : 0;
    if (run > templateLimits.blankRun) throw new TemplateLimitError(`has more than ${templateLimits.blankRun} blanks in a row`);
  }
}

/** The node and all below it. @throws TemplateLimitError beyond the limits of number and nesting. */
function nodesOf(root: JinjaElement): JinjaElement[] {
  const nodes: JinjaElement[] = [];
  const todo: [value: unknown, depth: number][] = [[root, 0]];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    const [value, depth] = next;
    const isCounted = isNode(value);
    if (isCounted) nodes.push(value);
    if (nodes.length > templateLimits.nodes) throw new TemplateLimitError(`has more than ${templateLimits.nodes} parts`);
    if (depth > templateLimits.nesting) throw new TemplateLimitError(`is nested deeper than ${templateLimits.nesting} levels`);
    for (const child of childrenOf(value)) todo.push([child, isCounted ? depth + 1 : depth]);
  }
  return nodes;
}

function childrenOf(value: unknown): Iterable<unknown> {
  if (Array.isArray(value)) return value;
  if (value instanceof Map) return [...value.keys(), ...value.values()];
  return typeof value === 'object' && value !== null ? Object.values(value) : [];
}

function isNode(value: unknown): value is JinjaElement {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}

function bodiesOf(node: JinjaElement): JinjaElement[] {
  const fields = ['body', 'alternate', 'defaultBlock'].map((name) => fieldOf(node, name));
  return fields.flatMap((field) => (Array.isArray(field) ? field.filter(isNode) : []));
}

function iterableOf(node: JinjaElement): JinjaElement {
  const iterable = childOf(node, 'iterable') ?? node;
  return iterable.type === 'SelectExpression' ? (childOf(iterable, 'lhs') ?? iterable) : iterable;
}

/** Filters whose arguments cannot be looked at before they work. */
function refuseOpaqueFilter(node: JinjaElement): void {
  const filter = childOf(node, 'filter');
  if (filter === undefined) return;
  if (node.type === 'FilterStatement' && !(filter.type === 'Identifier' && blockFilters.has(filterNameOf(node)))) {
    throw new TemplateLimitError('applies a filter to a block that may grow without bounds');
  }
  const args = fieldOf(filter, 'args');
  const isSpread = (arg: unknown): boolean => isNode(arg) && arg.type.includes('Spread');
  if (Array.isArray(args) && args.some(isSpread)) throw new TemplateLimitError('spreads a list over the arguments of a filter');
}
