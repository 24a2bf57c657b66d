import { Ajv } from 'ajv';
import { z } from 'zod';
import { PlinthError } from '../../../core/errors/index.ts';
import { describeViolation } from './describe-violation.ts';

type JsonSchema = z.core.JSONSchema.BaseSchema;

const ajv = new Ajv({ discriminator: true, allowUnionTypes: true, strictTypes: false, validateFormats: false, verbose: true });

/**
 * Compiles a schema into a check of parsed JSON: nothing is coerced, nothing is added, unknown fields stay. The check returns its
 * argument and throws `invalid_request` with `param`. Compile at start only; it generates code.
 */
export function compileWireSchema<S extends z.ZodType>(schema: S): (value: unknown) => z.infer<S> {
  const jsonSchema = z.toJSONSchema(schema, { target: 'draft-7', io: 'input', unrepresentable: 'any' });
  const isValid = ajv.compile<z.infer<S>>(simplify(jsonSchema));
  return (value) => {
    if (isValid(value)) return value;
    const { message, param } = describeViolation(isValid.errors ?? [], value);
    throw new PlinthError({ code: 'invalid_request', message, ...(param === '' ? {} : { param }) });
  };
}

/**
 * Rewrites unions so that one violation yields one clear error, and faster: branches of different JSON types become one schema with a list
 * of types, branches that a constant property tells apart get a discriminator.
 */
function simplify(schema: JsonSchema): JsonSchema {
  const simple: JsonSchema = { ...schema };
  if (schema.properties !== undefined) simple.properties = mapValues(schema.properties);
  if (isSchema(schema.items)) simple.items = simplify(schema.items);
  if (isSchema(schema.additionalProperties)) simple.additionalProperties = simplify(schema.additionalProperties);
  if (schema.oneOf !== undefined) return withDiscriminator({ ...simple, oneOf: schema.oneOf.filter(isSchema).map(simplify) });
  if (schema.anyOf !== undefined) return mergeBranches({ ...simple, anyOf: schema.anyOf.filter(isSchema).map(simplify) });
  return simple;
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function mapValues(properties: Record<string, unknown>): Record<string, JsonSchema> {
  return Object.fromEntries(Object.entries(properties).map(([name, value]) => [name, isSchema(value) ? simplify(value) : {}]));
}

function mergeBranches(union: JsonSchema): JsonSchema {
  const { anyOf, ...outer } = union;
  const branches = (anyOf ?? []).filter(isSchema);
  const types = branches.flatMap((branch) => typesOf(branch));
  const isDisjoint = new Set(types.map((type) => (type === 'integer' ? 'number' : type))).size === types.length;
  const enumerated = branches.filter((branch) => branch.enum !== undefined || branch.const !== undefined);
  const hasOtherTypes = types.some((type) => type !== 'null' && type !== 'string');
  const isMergeable =
    isDisjoint && branches.every((branch) => branch.type !== undefined) && !(enumerated.length > 0 && hasOtherTypes);
  if (!isMergeable) return union;
  const values = enumerated.flatMap((branch) => branch.enum ?? [branch.const ?? null]);
  const merged = Object.assign({}, ...branches, outer, { type: types }) as JsonSchema;
  return enumerated.length === 0 ? merged : { ...merged, enum: types.includes('null') ? [...values, null] : values };
}

function typesOf(schema: JsonSchema): string[] {
  const type: unknown = schema.type;
  if (Array.isArray(type)) return type.filter((one) => typeof one === 'string');
  return typeof type === 'string' ? [type] : [];
}

function withDiscriminator(union: JsonSchema): JsonSchema {
  const branches = (union.oneOf ?? []).filter(isSchema);
  const tag = Object.keys(branches[0]?.properties ?? {}).find((name) => branches.every((branch) => isTag(branch, name)));
  return tag === undefined ? union : { ...union, type: 'object', required: [tag], discriminator: { propertyName: tag } };
}

function isTag(branch: JsonSchema, name: string): boolean {
  const property = branch.properties?.[name];
  return isSchema(property) && (property.const !== undefined || property.enum !== undefined);
}
