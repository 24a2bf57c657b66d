import { quote, refuseGraph } from './refuse-graph.ts';

/** Functions are unfolded where they are called; this many operations take native code a few gigabytes. */
const MAX_UNFOLDED = 4 * 1024 * 1024;
const MAX_CALL_DEPTH = 100;

/** Domains whose operations the runtime brings along. Others come from libraries, which are never loaded. */
const BUILT_IN_DOMAINS = new Set([
  '',
  'ai.onnx',
  'ai.onnx.ml',
  'ai.onnx.training',
  'ai.onnx.preview.training',
  'com.microsoft',
  'com.microsoft.nchwc',
  'com.microsoft.dml',
  'com.ms.internal.nhwc',
]);

/** Operations that name files with compiled code, or call an interpreter. */
const FORBIDDEN_OPERATIONS = new Set(['EPContext', 'PyOp', 'PythonOp', 'PythonOpGrad']);

/** The operations that one body consists of: how often each stands in it, those of inner graphs included. */
export class Calls {
  readonly counts = new Map<string, number>();
  total = 0;

  add(domain: string, opType: string): void {
    if (FORBIDDEN_OPERATIONS.has(opType)) refuseGraph(`it has an operation ${quote(opType)}, which runs code of its own`);
    const key = keyOf(domain, opType);
    this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
    this.total += 1;
  }

  /** Takes in what another body calls. */
  join(other: Calls): void {
    for (const [key, times] of other.counts) this.counts.set(key, (this.counts.get(key) ?? 0) + times);
    this.total += other.total;
  }
}

/** Every operation is built in or a function of the model's own; functions do not call themselves and unfold to a bounded size. */
export function checkCalls(main: Calls, functions: ReadonlyMap<string, Calls>): void {
  for (const body of [main, ...functions.values()]) checkDomains(body, functions);
  const unfolding = new Unfolding(functions);
  for (const key of functions.keys()) unfolding.sizeOfFunction(key, 1);
  unfolding.sizeOf(main, 0);
}

/** The name under which a body is called. */
export function keyOf(domain: string, opType: string): string {
  return `${domain === 'ai.onnx' ? '' : domain}\0${opType}`;
}

function checkDomains(body: Calls, functions: ReadonlyMap<string, Calls>): void {
  for (const key of body.counts.keys()) {
    const [domain = '', opType = ''] = key.split('\0');
    if (BUILT_IN_DOMAINS.has(domain) || functions.has(key)) continue;
    refuseGraph(
      `operation ${quote(opType)} is of the domain ${quote(domain)}, which neither the runtime nor the model defines; no library is loaded for it`,
    );
  }
}

/** Counts operations as they are once every call is replaced by what it calls. */
class Unfolding {
  readonly #functions: ReadonlyMap<string, Calls>;
  readonly #sizes = new Map<string, number | 'open'>();

  constructor(functions: ReadonlyMap<string, Calls>) {
    this.#functions = functions;
  }

  sizeOf(body: Calls, depth: number): number {
    let size = body.total;
    for (const [key, times] of body.counts) if (this.#functions.has(key)) size += times * this.sizeOfFunction(key, depth + 1);
    return size <= MAX_UNFOLDED ? size : refuseGraph(`its functions unfold to more than ${MAX_UNFOLDED} operations`);
  }

  sizeOfFunction(key: string, depth: number): number {
    const known = this.#sizes.get(key);
    const body = this.#functions.get(key);
    if (known === 'open') refuseGraph(`function ${quote(key.split('\0')[1] ?? '')} calls itself`);
    if (known !== undefined || body === undefined) return known ?? 0;
    if (depth > MAX_CALL_DEPTH) refuseGraph(`its functions call each other more than ${MAX_CALL_DEPTH} deep`);
    this.#sizes.set(key, 'open');
    const size = this.sizeOf(body, depth);
    this.#sizes.set(key, size);
    return size;
  }
}
