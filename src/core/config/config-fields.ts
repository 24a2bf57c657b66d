import { z } from 'zod';
import { configSchema, modelSchema } from './schema.ts';

export type FieldKind = 'text' | 'number' | 'boolean' | 'list';

/** One field of the configuration under all its names. */
export interface ConfigField {
  /** `['limits', 'bodyBytes']` */
  readonly path: readonly string[];
  /** `limits.bodyBytes` */
  readonly key: string;
  /** `PLINTH_LIMITS_BODY_BYTES` */
  readonly variable: string;
  /** `limits-body-bytes`, without its dashes. */
  readonly flag: string;
  readonly kind: FieldKind;
  /** What a value must be, in words: `a whole number from 0 to 65535`. */
  readonly expectation: string;
  readonly description: string;
  /** Undefined where the field may be absent. */
  readonly defaultValue: unknown;
}

/** Every field of the configuration, in the schema's order. */
export const configFields: readonly ConfigField[] = listFields(configSchema, []);

const modelFields: readonly ConfigField[] = listFields(modelSchema, []);

/** What the value at `path` must be, in words; paths inside `models` are read in the model's own schema. */
export function expectationAt(path: readonly string[]): string {
  const [first, index, ...names] = path;
  if (first === 'models' && index !== undefined) {
    const field = modelFields.find((candidate) => candidate.key === names.join('.'));
    return field?.expectation ?? 'a name, a path, a source reference or a mapping with "name"';
  }
  const field = configFields.find((candidate) => candidate.path.every((part, i) => part === path[i]));
  if (field === undefined) return 'a mapping of fields';
  return path.length > field.path.length ? 'text that is not empty' : field.expectation;
}

/** The keys that may stand in the mapping at `path`. */
export function keysAt(path: readonly string[]): readonly string[] {
  if (path[0] === 'models') return keysOf(modelFields, path.slice(2));
  return keysOf(configFields, path);
}

function keysOf(fields: readonly ConfigField[], path: readonly string[]): readonly string[] {
  const inside = fields.filter((field) => path.every((part, i) => part === field.path[i]));
  return [...new Set(inside.map((field) => field.path[path.length]).filter((part) => part !== undefined))];
}

function listFields(shape: z.ZodObject, prefix: readonly string[]): ConfigField[] {
  return Object.entries(shape.shape).flatMap(([name, schema]) => {
    const path = [...prefix, name];
    const inner = unwrap(schema);
    return inner instanceof z.ZodObject ? listFields(inner, path) : [describeField(path, schema)];
  });
}

function describeField(path: readonly string[], schema: unknown): ConfigField {
  const inner = unwrap(schema);
  return {
    path,
    key: path.join('.'),
    variable: ['PLINTH', ...path.map((part) => separateWords(part, '_').toUpperCase())].join('_'),
    flag: path.map((part) => separateWords(part, '-').toLowerCase()).join('-'),
    kind: kindOf(inner),
    expectation: describeExpectation(inner),
    description: descriptionOf(schema),
    defaultValue: schema instanceof z.ZodDefault ? schema.def.defaultValue : undefined,
  };
}

function unwrap(schema: unknown): unknown {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional)
    return unwrap(schema.def.innerType);
  return schema;
}

function descriptionOf(schema: unknown): string {
  if (!(schema instanceof z.ZodType)) return '';
  if (schema.description !== undefined) return schema.description;
  return schema instanceof z.ZodDefault || schema instanceof z.ZodOptional ? descriptionOf(schema.def.innerType) : '';
}

function separateWords(name: string, separator: string): string {
  return name.replace(/[A-Z]/g, (letter) => separator + letter);
}

function kindOf(schema: unknown): FieldKind {
  if (schema instanceof z.ZodNumber) return 'number';
  if (schema instanceof z.ZodBoolean) return 'boolean';
  return schema instanceof z.ZodArray ? 'list' : 'text';
}

function describeExpectation(schema: unknown): string {
  if (schema instanceof z.ZodNumber) return describeNumber(schema);
  if (schema instanceof z.ZodBoolean) return 'true or false';
  if (schema instanceof z.ZodEnum) return `one of ${schema.options.join(', ')}`;
  if (schema instanceof z.ZodArray) return 'a list';
  const pattern = schema instanceof z.ZodString ? schema.format : null;
  return pattern === 'regex' ? 'letters, digits, ".", "_", "/" and "-", at most 128' : 'text that is not empty';
}

function describeNumber(schema: z.ZodNumber): string {
  const noun = schema.isInt ? 'a whole number' : 'a number';
  const low = schema.minValue ?? Number.MIN_SAFE_INTEGER;
  const high = schema.maxValue ?? Number.MAX_SAFE_INTEGER;
  return high >= Number.MAX_SAFE_INTEGER ? `${noun} of at least ${low}` : `${noun} from ${low} to ${high}`;
}
