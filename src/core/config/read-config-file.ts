import { readFileSync, statSync } from 'node:fs';
import { isPair, isScalar, isMap, isSeq, isNode, LineCounter, parseDocument, type Document } from 'yaml';
import { PlinthError } from '../errors/index.ts';
import { isTree, type ConfigLayer, type ConfigTree } from './config-layer.ts';

const MAX_FILE_BYTES = 1024 * 1024;
const MAX_ALIASES = 100;

/** Reads a YAML file of at most 1 MiB. Throws `invalid_request` naming file, line and column of what cannot be read. */
export function readConfigFile(file: string): ConfigLayer {
  const text = readLimited(file);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
  const flaw = document.errors[0] ?? document.warnings[0];
  if (flaw !== undefined) {
    const { line, col } = lines.linePos(flaw.pos[0]);
    throw refuse(`${file}:${line}:${col}: not valid YAML: ${flaw.message}`);
  }
  return {
    values: dropEmptySections(toValues(document, file)),
    sourceOf: (path) => {
      const { line, col } = lines.linePos(offsetAt(document, path));
      return { type: 'file', file, line, column: col };
    },
  };
}

function readLimited(file: string): string {
  try {
    const { size } = statSync(file);
    if (size > MAX_FILE_BYTES)
      throw refuse(`${file}: a configuration file has at most ${MAX_FILE_BYTES} bytes, this one has ${size}`);
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file));
  } catch (error) {
    if (error instanceof PlinthError) throw error;
    const reason = error instanceof TypeError ? 'it is not UTF-8 text' : error instanceof Error ? error.message : String(error);
    throw refuse(`${file}: the configuration file cannot be read: ${reason}`);
  }
}

function toValues(document: Document, file: string): ConfigTree {
  let values: unknown;
  try {
    values = document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch {
    throw refuse(`${file}: aliases are nested too deeply; write the values out`);
  }
  if (values === null || values === undefined) return {};
  if (!isTree(values)) throw refuse(`${file}: expected a mapping of fields, such as "port: 8080"`);
  return values;
}

/** A section whose fields are all commented out reads as null and means that nothing is set. */
function dropEmptySections(values: ConfigTree): ConfigTree {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null));
}

function offsetAt(document: Document, path: readonly string[]): number {
  let current: unknown = document.contents;
  let offset = startOf(current);
  for (const part of path) {
    const next = step(current, part);
    if (next === undefined) break;
    offset = next.offset;
    current = next.node;
  }
  return offset;
}

function step(parent: unknown, part: string): { offset: number; node: unknown } | undefined {
  if (isSeq(parent)) {
    const item = parent.items[Number(part)];
    return item === undefined ? undefined : { offset: startOf(item), node: item };
  }
  if (!isMap(parent)) return undefined;
  const pair = parent.items.find((item) => isPair(item) && isScalar(item.key) && String(item.key.value) === part);
  if (pair === undefined) return undefined;
  return { offset: startOf(pair.key), node: pair.value };
}

function startOf(node: unknown): number {
  return isNode(node) ? (node.range?.[0] ?? 0) : 0;
}

function refuse(message: string): PlinthError {
  return new PlinthError({ code: 'invalid_request', message });
}
