import type { JsonObject, JsonValue } from '../../../core/inference/index.ts';

/** `unknown`: the schema says something that is not looked into, such as a pattern, or is too large. */
export type Fit = 'yes' | 'no' | 'unknown';

/** Values compared with schemas, in all. */
const MOST_STEPS = 20_000;
const MOST_DEPTH = 100;

/**
 * Whether a value fits a JSON schema (draft 2020-12, and draft 7's forms of items). Both are a caller's: the work is bounded, no expression
 * of a schema is run, and nothing outside the schema is referred to. `pattern`, `format` and `patternProperties` are not looked into.
 */
export function checkSchema(schema: JsonValue, value: JsonValue): Fit {
  const check = new SchemaCheck(schema);
  const fit = check.check(schema, value, 0);
  return check.isExhausted ? 'unknown' : fit;
}

class SchemaCheck {
  readonly #root: JsonValue;
  #steps = 0;

  constructor(root: JsonValue) {
    this.#root = root;
  }

  /** The work was cut short: what it came to means nothing. */
  get isExhausted(): boolean {
    return this.#steps > MOST_STEPS;
  }

  check(schema: JsonValue | undefined, value: JsonValue, depth: number): Fit {
    if (++this.#steps > MOST_STEPS || depth > MOST_DEPTH) return 'unknown';
    if (typeof schema === 'boolean') return schema ? 'yes' : 'no';
    if (!isObject(schema)) return 'unknown';
    const inside = (part: JsonValue | undefined, of = value) => this.check(part, of, depth + 1);
    const parts: Fit[] = [this.#kind(schema, value)];
    if (typeof value === 'string') parts.push(fitsString(schema, value));
    if (typeof value === 'number') parts.push(fitsNumber(schema, value));
    if (isList(value)) parts.push(...this.#list(schema, value, inside));
    if (isObject(value)) parts.push(...this.#object(schema, value, inside));
    if (parts.includes('no')) return 'no';
    parts.push(...this.#combined(schema, inside));
    if (schema['$ref'] !== undefined) parts.push(inside(this.#resolve(schema['$ref'])));
    if (schema['$dynamicRef'] !== undefined) parts.push('unknown');
    return all(parts);
  }

  #kind(schema: JsonObject, value: JsonValue): Fit {
    const { type, enum: values } = schema;
    const names = typeof type === 'string' ? [type] : isList(type) ? type : undefined;
    const isTyped =
      names === undefined || names.some((name) => name === kindOf(value) || (name === 'number' && kindOf(value) === 'integer'));
    const isListed = !isList(values) || values.some((item) => this.#areEqual(item, value));
    const isSame = schema['const'] === undefined || this.#areEqual(schema['const'], value);
    return isTyped && isListed && isSame ? 'yes' : 'no';
  }

  #combined(schema: JsonObject, inside: Inside): Fit[] {
    const fits = (keyword: string): Fit[] | undefined => {
      const list = schema[keyword];
      return isList(list) ? list.map((part) => inside(part)) : undefined;
    };
    const parts: Fit[] = [all(fits('allOf') ?? [])];
    const any = fits('anyOf');
    if (any !== undefined) parts.push(anyOf(any));
    const one = fits('oneOf');
    if (one !== undefined) parts.push(oneOf(one));
    if (schema['not'] !== undefined) parts.push(not(inside(schema['not'])));
    if (schema['if'] !== undefined) {
      const condition = inside(schema['if']);
      const branch = schema[condition === 'yes' ? 'then' : 'else'];
      if (condition === 'unknown') parts.push('unknown');
      else if (branch !== undefined) parts.push(inside(branch));
    }
    return parts;
  }

  #list(schema: JsonObject, value: readonly JsonValue[], inside: Inside): Fit[] {
    const { items, prefixItems, contains } = schema;
    const first = isList(prefixItems) ? prefixItems : isList(items) ? items : [];
    const rest = isList(items) ? schema['additionalItems'] : items;
    const isWithin = isBetween(value.length, schema['minItems'], schema['maxItems']);
    const isUnique = schema['uniqueItems'] !== true || this.#areDistinct(value);
    const parts: Fit[] = [isWithin && isUnique ? 'yes' : 'no'];
    for (const [at, item] of value.entries()) {
      const part = at < first.length ? first[at] : rest;
      if (part !== undefined) parts.push(inside(part, item));
    }
    if (contains !== undefined)
      parts.push(
        containsEnough(
          schema,
          value.map((item) => inside(contains, item)),
        ),
      );
    if (schema['unevaluatedItems'] !== undefined) parts.push('unknown');
    return parts;
  }

  #object(schema: JsonObject, value: JsonObject, inside: Inside): Fit[] {
    const { properties, patternProperties, additionalProperties, required, propertyNames } = schema;
    const keys = Object.keys(value);
    const isWithin = isBetween(keys.length, schema['minProperties'], schema['maxProperties']);
    const hasAll = !isList(required) || required.every((name) => typeof name !== 'string' || Object.hasOwn(value, name));
    const parts: Fit[] = [isWithin && hasAll ? 'yes' : 'no'];
    for (const key of keys) {
      const item = value[key] ?? null;
      const isNamed = isObject(properties) && Object.hasOwn(properties, key);
      if (isNamed) parts.push(inside(properties[key], item));
      if (propertyNames !== undefined) parts.push(inside(propertyNames, key));
      if (patternProperties !== undefined) parts.push('unknown');
      else if (!isNamed && additionalProperties !== undefined) parts.push(inside(additionalProperties, item));
    }
    if (schema['unevaluatedProperties'] !== undefined) parts.push('unknown');
    parts.push(...this.#dependencies(schema, value, inside));
    return parts;
  }

  #dependencies(schema: JsonObject, value: JsonObject, inside: Inside): Fit[] {
    const { dependentRequired, dependentSchemas } = schema;
    const needed = isObject(dependentRequired) ? Object.entries(dependentRequired) : [];
    const parts = needed
      .filter(([key]) => Object.hasOwn(value, key))
      .map(([, names]): Fit => (isList(names) && names.every((name) => Object.hasOwn(value, String(name))) ? 'yes' : 'no'));
    const schemas = isObject(dependentSchemas) ? Object.entries(dependentSchemas) : [];
    return [...parts, ...schemas.filter(([key]) => Object.hasOwn(value, key)).map(([, part]) => inside(part))];
  }

  /** `#` or a JSON pointer (RFC 6901) into the schema; what leads elsewhere fits nothing that is known. */
  #resolve(reference: JsonValue): JsonValue | undefined {
    if (typeof reference !== 'string' || (reference !== '#' && !reference.startsWith('#/'))) return undefined;
    let target: JsonValue | undefined = this.#root;
    for (const part of reference.split('/').slice(1)) {
      const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
      if (isList(target)) target = target[Number(key)];
      else target = isObject(target) && Object.hasOwn(target, key) ? target[key] : undefined;
    }
    return target;
  }

  #areDistinct(values: readonly JsonValue[]): boolean {
    for (let at = 1; at < values.length && !this.isExhausted; at++) {
      for (let earlier = 0; earlier < at && !this.isExhausted; earlier++) {
        if (this.#areEqual(values[earlier] ?? null, values[at] ?? null)) return false;
      }
    }
    return true;
  }

  #areEqual(a: JsonValue, b: JsonValue): boolean {
    if (++this.#steps > MOST_STEPS) return false;
    if (isList(a)) return isList(b) && a.length === b.length && a.every((item, at) => this.#areEqual(item, b[at] ?? null));
    if (!isObject(a)) return a === b;
    if (!isObject(b) || Object.keys(a).length !== Object.keys(b).length) return false;
    return Object.entries(a).every(([key, item]) => Object.hasOwn(b, key) && this.#areEqual(item, b[key] ?? null));
  }
}

type Inside = (part: JsonValue | undefined, of?: JsonValue) => Fit;

function fitsString(schema: JsonObject, value: string): Fit {
  const length = [...value].length;
  if (!isBetween(length, schema['minLength'], schema['maxLength'])) return 'no';
  return schema['pattern'] === undefined && schema['format'] === undefined ? 'yes' : 'unknown';
}

function fitsNumber(schema: JsonObject, value: number): Fit {
  const { exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  if (!isBetween(value, schema['minimum'], schema['maximum'])) return 'no';
  if (typeof exclusiveMinimum === 'number' && value <= exclusiveMinimum) return 'no';
  if (typeof exclusiveMaximum === 'number' && value >= exclusiveMaximum) return 'no';
  if (typeof multipleOf !== 'number' || multipleOf <= 0) return 'yes';
  const times = value / multipleOf;
  return Math.abs(times - Math.round(times)) <= 1e-9 * Math.max(1, Math.abs(times)) ? 'yes' : 'no';
}

function containsEnough(schema: JsonObject, fits: readonly Fit[]): Fit {
  const { minContains, maxContains } = schema;
  const sure = fits.filter((fit) => fit === 'yes').length;
  const possible = fits.filter((fit) => fit !== 'no').length;
  const least = typeof minContains === 'number' ? minContains : 1;
  const most = typeof maxContains === 'number' ? maxContains : Infinity;
  if (possible < least || sure > most) return 'no';
  return sure >= least && possible <= most ? 'yes' : 'unknown';
}

function all(fits: readonly Fit[]): Fit {
  if (fits.includes('no')) return 'no';
  return fits.includes('unknown') ? 'unknown' : 'yes';
}

function anyOf(fits: readonly Fit[]): Fit {
  if (fits.includes('yes')) return 'yes';
  return fits.includes('unknown') ? 'unknown' : 'no';
}

function oneOf(fits: readonly Fit[]): Fit {
  const sure = fits.filter((fit) => fit === 'yes').length;
  if (sure > 1) return 'no';
  if (fits.includes('unknown')) return 'unknown';
  return sure === 1 ? 'yes' : 'no';
}

function not(fit: Fit): Fit {
  if (fit === 'unknown') return 'unknown';
  return fit === 'yes' ? 'no' : 'yes';
}

function isBetween(count: number, least: JsonValue | undefined, most: JsonValue | undefined): boolean {
  return !(typeof least === 'number' && count < least) && !(typeof most === 'number' && count > most);
}

function isList(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function kindOf(value: JsonValue): string {
  if (value === null) return 'null';
  if (isList(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}
