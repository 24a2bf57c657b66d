import { nearestNames } from '../../../core/collections/index.ts';
import { PlinthError } from '../../../core/errors/index.ts';
import type { JsonObject, JsonValue } from '../../../core/inference/index.ts';
import type { ConfigMessage, ConfigScalar, ConfigValue, MessageDraft } from './config-message.ts';
import { fieldsOf, type FieldShape, type MessageName, type ScalarKind, type ValueKind } from './config-messages.ts';
import { describeScalar, readNumber } from './scalar-values.ts';

/**
 * Reads a ModelConfig from protobuf's JSON form, strictly: names as in model_config.proto or in lowerCamelCase, enums by name in any
 * case or by number, numbers of 64 bits also as text, `null` for what is absent. Throws PlinthError `invalid_request` that names the
 * field.
 */
export function parseConfigJson(json: JsonObject): ConfigMessage {
  return readMessage('ModelConfig', json, '');
}

// The nesting of messages is that of the table, so its depth bounds the recursion.
function readMessage(message: MessageName, json: JsonValue, path: string): ConfigMessage {
  if (!isObject(json)) throw flaw(path, 'an object', json);
  const fields = fieldsOf(message);
  const draft: MessageDraft = {};
  for (const [key, value] of Object.entries(json)) {
    const field = fields.get(key) ?? fields.get(key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));
    if (field === undefined) throw unknownField(joinPath(path, key), [...fields.keys()]);
    if (value === null) continue;
    const rival = [field.name, ...field.rivals].find((candidate) => Object.hasOwn(draft, candidate));
    if (rival !== undefined) {
      const twice = rival === field.name ? 'is given a second time' : `and "${rival}" cannot both be given`;
      throw refuse(`"${joinPath(path, key)}" ${twice}`);
    }
    draft[field.name] = readField(field, value, joinPath(path, field.name));
  }
  return draft;
}

function readField(field: FieldShape, value: JsonValue, path: string): ConfigValue {
  if (field.form === 'single') return readValue(field.value, value, path);
  if (field.form === 'repeated') {
    if (!isArray(value)) throw flaw(path, 'a list', value);
    return value.map((item, index) => readValue(field.value, item, `${path}[${index}]`));
  }
  if (!isObject(value)) throw flaw(path, 'an object', value);
  return new Map(
    Object.entries(value).map(([key, item]) => {
      const keyPath = `${path}[${JSON.stringify(key)}]`;
      const readKey = field.keyScalar === 'uint64' ? String(readScalar('uint64', key, keyPath)) : key;
      return [readKey, readValue(field.value, item, keyPath)];
    }),
  );
}

function readValue(kind: ValueKind, value: JsonValue, path: string): ConfigScalar | ConfigMessage {
  if (kind.type === 'message') return readMessage(kind.message, value, path);
  if (kind.type === 'scalar') return readScalar(kind.scalar, value, path);
  const name =
    typeof value === 'number'
      ? kind.names[value]
      : kind.names.find((candidate) => typeof value === 'string' && candidate === value.toUpperCase());
  if (name === undefined) throw flaw(path, `one of ${kind.names.join(', ')}`, value);
  return name;
}

function readScalar(kind: ScalarKind, value: JsonValue, path: string): ConfigScalar {
  if (kind === 'string' && typeof value === 'string') return value;
  if (kind === 'bool' && typeof value === 'boolean') return value;
  const number = typeof value === 'string' && /^-?\d{1,16}(\.\d+)?$/.test(value) ? Number(value) : value;
  const read = typeof number === 'number' ? readNumber(kind, number) : undefined;
  if (read === undefined) throw flaw(path, describeScalar(kind), value);
  return read;
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isArray(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function joinPath(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

function unknownField(path: string, known: readonly string[]): PlinthError {
  const [near] = nearestNames(path.slice(path.lastIndexOf('.') + 1), known);
  return refuse(`unknown field "${shorten(path)}"${near === undefined ? '' : `; did you mean "${near}"?`}`);
}

function flaw(path: string, expected: string, value: JsonValue): PlinthError {
  return refuse(`${path === '' ? '' : `"${shorten(path)}": `}expected ${expected}, got ${shorten(describe(value))}`);
}

function describe(value: JsonValue): string {
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' && value !== null ? 'an object' : JSON.stringify(value);
}

function shorten(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

function refuse(problem: string): PlinthError {
  return new PlinthError({ code: 'invalid_request', message: `model configuration: ${problem}` });
}
