import { PlinthError } from '../../../core/errors/index.ts';
import type { JsonObject, JsonValue } from '../../../core/inference/index.ts';

/** One schema of the document. The same place always has the same `id`. */
export interface Subschema {
  readonly id: number;
  readonly schema: JsonObject | boolean;
  /** Where it stands in the request, for messages. */
  readonly path: string;
}

export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isJsonArray(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** A value as text that is equal exactly when the values are equal by JSON Schema: key order does not matter. */
export function canonicalText(value: JsonValue): string {
  if (isJsonArray(value)) return `[${value.map(canonicalText).join(',')}]`;
  if (!isJsonObject(value)) return JSON.stringify(value === 0 ? 0 : value);
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonicalText(item)}`).join(',')}}`;
}

/** A JSON schema with identities for its parts, references resolved, and errors that know their place. */
export class SchemaDocument {
  readonly root: Subschema;
  readonly #param: string;
  readonly #nodes = new Map<string, Subschema>();
  readonly #objectKeys = new WeakMap<object, string>();
  #serial = 0;

  constructor(schema: JsonValue, param: string) {
    this.#param = param;
    this.root = this.nodeOf(schema, param);
  }

  /** @throws PlinthError when `schema` is not a schema at all. */
  nodeOf(schema: JsonValue | undefined, path: string): Subschema {
    if (typeof schema === 'boolean') return this.#remember(`${schema}`, schema, path);
    if (!isJsonObject(schema)) throw this.refusal(path, `must be a JSON schema: an object or a boolean`);
    let key = this.#objectKeys.get(schema);
    if (key === undefined) {
      key = `#${this.#serial}`;
      this.#objectKeys.set(schema, key);
    }
    return this.#remember(key, schema, path);
  }

  /** The node without some keywords, or with only some; the same answer for the same question. */
  derive(node: Subschema, what: string, keep: (keyword: string) => boolean): Subschema {
    if (typeof node.schema === 'boolean') return node;
    const all = Object.entries(node.schema);
    const entries = all.filter(([keyword]) => keep(keyword));
    if (entries.length === all.length) return node;
    return this.#remember(`${node.id}/${what}`, Object.fromEntries(entries), node.path);
  }

  /** The node that `$ref` names: `#` or a JSON pointer (RFC 6901) into this document. */
  resolve(node: Subschema, reference: JsonValue): Subschema {
    if (typeof reference !== 'string' || !/^#(\/.*)?$/s.test(reference)) {
      throw this.refusal(`${node.path}.$ref`, 'can only point into the same schema, as "#/$defs/name" does');
    }
    let target: JsonValue | undefined = this.root.schema;
    let path = this.#param;
    for (const part of pointerParts(reference)) {
      path += isJsonArray(target) ? `[${part}]` : `.${part}`;
      target = childOf(target, part);
    }
    if (target === undefined)
      throw this.refusal(`${node.path}.$ref`, `points to ${JSON.stringify(reference)}, which does not exist`);
    return this.nodeOf(target, path);
  }

  /** The error for a keyword at `path`. */
  refusal(path: string, problem: string): PlinthError {
    const place = path.length > 300 ? `${path.slice(0, 300)}…` : path;
    return new PlinthError({ code: 'unsupported_schema', message: `${place} ${problem}.`, param: this.#param });
  }

  #remember(key: string, schema: JsonObject | boolean, path: string): Subschema {
    const known = this.#nodes.get(key);
    if (known !== undefined) return known;
    this.#serial += 1;
    const node = { id: this.#serial, schema, path };
    this.#nodes.set(key, node);
    return node;
  }
}

function childOf(value: JsonValue | undefined, part: string): JsonValue | undefined {
  if (isJsonArray(value)) return value[Number(part)];
  return isJsonObject(value) && Object.hasOwn(value, part) ? value[part] : undefined;
}

function pointerParts(reference: string): string[] {
  if (reference === '#') return [];
  const decoded = decodeFragment(reference.slice(2));
  return decoded.split('/').map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function decodeFragment(fragment: string): string {
  try {
    return decodeURIComponent(fragment);
  } catch {
    return fragment;
  }
}
