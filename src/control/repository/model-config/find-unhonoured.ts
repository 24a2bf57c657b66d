import { isMessage, type ConfigMessage, type ConfigScalar, type ConfigValue } from './config-message.ts';
import { fieldsOf, type FieldShape, type MessageName } from './config-messages.ts';

/** The path of the first field that Plinth knows, does not honour, and that has another value than its default: `input[0].is_shape_tensor`. */
export function findUnhonoured(config: ConfigMessage): string | undefined {
  return findIn('ModelConfig', config, '');
}

function findIn(name: MessageName, message: ConfigMessage, path: string): string | undefined {
  const fields = fieldsOf(name);
  for (const [key, value] of Object.entries(message)) {
    const field = fields.get(key);
    if (field === undefined) continue;
    const own = path === '' ? key : `${path}.${key}`;
    if (!field.isHonoured && !isDefault(value)) return own;
    const found = field.isHonoured ? findWithin(field, value, own) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function findWithin(field: FieldShape, value: ConfigValue, path: string): string | undefined {
  if (field.value.type !== 'message') return undefined;
  for (const [place, item] of itemsOf(value, path)) {
    const found = isMessage(item) ? findIn(field.value.message, item, place) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function itemsOf(value: ConfigValue, path: string): ReadonlyArray<readonly [string, ConfigScalar | ConfigMessage]> {
  if (Array.isArray(value)) return value.map((item: ConfigScalar | ConfigMessage, index) => [`${path}[${index}]`, item]);
  if (value instanceof Map) return [...value].map(([key, item]) => [`${path}[${JSON.stringify(key)}]`, item]);
  return [[path, value as ConfigScalar | ConfigMessage]];
}

const DEFAULT_NAMES = new Set<ConfigScalar>(['', 0, false, 'PRIORITY_DEFAULT']);

function isDefault(value: ConfigValue): boolean {
  if (Array.isArray(value)) return value.length === 0;
  if (value instanceof Map) return value.size === 0;
  return isMessage(value) ? Object.values(value).every(isDefault) : DEFAULT_NAMES.has(value as ConfigScalar);
}
