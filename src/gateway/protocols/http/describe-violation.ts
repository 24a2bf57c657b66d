import type { ErrorObject } from 'ajv';

const LONGEST_QUOTE = 40;

export interface Violation {
  readonly message: string;
  /** The field as OpenAI spells it, `messages[0].content`; empty for the body as a whole. */
  readonly param: string;
}

interface SchemaFacts {
  readonly type?: unknown;
  readonly description?: unknown;
  readonly properties?: Readonly<Record<string, SchemaFacts>>;
}

/** Says in one sentence what was expected and what came. Texts of the caller are quoted only where a fixed word was expected. */
export function describeViolation(errors: ReadonlyArray<ErrorObject>, root: unknown): Violation {
  const error = errors[0];
  if (error === undefined) return { message: 'The body is not valid.', param: '' };
  const path = spellPath(error.instancePath, root);
  if (error.keyword === 'required') return describeMissing(error, path);
  if (error.keyword === 'discriminator') return describeTag(error, path);
  const subject = path === '' ? 'The body' : `'${path}'`;
  return { message: `${subject} must ${requirementOf(error)}, but ${nameValue(error.data, error.keyword)} came.`, param: path };
}

/** A JSON pointer in OpenAI's spelling. Whether a number is an index shows in the data only. */
function spellPath(pointer: string, root: unknown): string {
  let value: unknown = root;
  let path = '';
  for (const escaped of pointer.split('/').slice(1)) {
    const key = escaped.replaceAll('~1', '/').replaceAll('~0', '~');
    path = Array.isArray(value) ? `${path}[${key}]` : appendName(path, key.slice(0, LONGEST_QUOTE));
    value = childOf(value, key);
  }
  return path;
}

function childOf(value: unknown, key: string): unknown {
  if (Array.isArray(value)) return value[Number(key)];
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.entries(value).find(([name]) => name === key)?.[1];
}

function appendName(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

function describeMissing(error: ErrorObject, path: string): Violation {
  const name = String(error.params['missingProperty']);
  const param = appendName(path, name);
  const schema = (error.parentSchema as SchemaFacts | undefined)?.properties?.[name];
  const expected = schema === undefined ? '' : `; ${nameTypes(schema)} was expected`;
  return { message: `Missing required parameter: '${param}'${expected}.`, param };
}

function describeTag(error: ErrorObject, path: string): Violation {
  const param = appendName(path, String(error.params['tag']));
  const value: unknown = error.params['tagValue'];
  if (value === undefined) return { message: `Missing required parameter: '${param}'.`, param };
  return { message: `'${param}' must be ${listTagValues(error)}, but ${nameValue(value, 'enum')} came.`, param };
}

function listTagValues(error: ErrorObject): string {
  const branches = (error.parentSchema as { oneOf?: readonly SchemaFacts[] } | undefined)?.oneOf ?? [];
  const tag = String(error.params['tag']);
  return listWords(
    branches.flatMap((branch) => {
      const facts = branch.properties?.[tag] as { const?: unknown; enum?: readonly unknown[] } | undefined;
      return facts?.enum ?? [facts?.const];
    }),
  );
}

const BOUNDS: Readonly<Record<string, string>> = {
  minimum: 'be at least',
  maximum: 'be at most',
  exclusiveMinimum: 'be more than',
  exclusiveMaximum: 'be less than',
};

const SIZES: Readonly<Record<string, readonly [string, string]>> = {
  minItems: ['have at least', 'items'],
  maxItems: ['have at most', 'items'],
  minLength: ['have at least', 'characters'],
  maxLength: ['have at most', 'characters'],
  minProperties: ['have at least', 'entries'],
  maxProperties: ['have at most', 'entries'],
};

function requirementOf(error: ErrorObject): string {
  const schema = (error.parentSchema ?? {}) as SchemaFacts;
  const bound = BOUNDS[error.keyword];
  const limit = String(error.params['limit']);
  if (bound !== undefined) return `${bound} ${limit}`;
  const size = SIZES[error.keyword];
  if (size !== undefined)
    return `${size[0]} ${limit} ${limit === '1' ? size[1].replace(/ies$/, 'y').replace(/s$/, '') : size[1]}`;
  if (error.keyword === 'enum') return `be ${listWords(error.params['allowedValues'])}`;
  if (error.keyword === 'const') return `be ${listWords([error.params['allowedValue']])}`;
  if (error.keyword === 'pattern' && typeof schema.description === 'string') return `consist of ${schema.description}`;
  if (error.keyword === 'type') return `be ${nameTypes(schema)}`;
  return error.message ?? 'be valid';
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  integer: 'an integer',
  boolean: 'a boolean',
  array: 'an array',
  object: 'an object',
  null: 'null',
};

function nameTypes(schema: SchemaFacts): string {
  const types: readonly unknown[] = Array.isArray(schema.type) ? schema.type : [schema.type];
  const names = types.filter((type) => type !== 'null').map((type) => TYPE_NAMES[String(type)] ?? 'a value');
  return names.join(' or ');
}

function listWords(values: unknown): string {
  const words = (Array.isArray(values) ? values : [values])
    .filter((value) => value !== null)
    .map((value) => `'${String(value)}'`);
  return words.length === 1 ? (words[0] ?? '') : `one of ${words.join(', ')}`;
}

function nameValue(value: unknown, keyword: string): string {
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return nameArray(value, keyword);
  if (typeof value !== 'string') return 'an object';
  if (value === '') return 'an empty string';
  return keyword === 'enum' || keyword === 'const' ? `'${value.slice(0, LONGEST_QUOTE)}'` : 'a string';
}

function nameArray(value: readonly unknown[], keyword: string): string {
  if (value.length === 0) return 'an empty array';
  return keyword.endsWith('Items') ? `an array of ${value.length}` : 'an array';
}
