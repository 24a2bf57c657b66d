import type { JsonObject, JsonValue } from '../../../core/inference/index.ts';
import { isMessage, type ConfigMessage, type ConfigScalar, type ConfigValue } from './config-message.ts';
import { fieldsOf, type FieldShape, type MessageName, type ValueKind } from './config-messages.ts';

/** A ModelConfig as Triton shows it: names of model_config.proto, default scalars and empty lists printed, absent messages left out. */
export function formatConfigJson(message: ConfigMessage): JsonObject {
  return formatMessage('ModelConfig', message);
}

function formatMessage(name: MessageName, message: ConfigMessage): JsonObject {
  const entries = [...fieldsOf(name).values()].flatMap((field): Array<[string, JsonValue]> => {
    const value = Object.hasOwn(message, field.name) ? message[field.name] : undefined;
    const isSilent =
      value === undefined && field.form === 'single' && (field.value.type === 'message' || field.rivals.length > 0);
    return isSilent ? [] : [[field.name, formatField(field, value)]];
  });
  return Object.fromEntries(entries);
}

function formatField(field: FieldShape, value: ConfigValue | undefined): JsonValue {
  if (field.form === 'repeated') return Array.isArray(value) ? value.map((item) => formatValue(field.value, item)) : [];
  if (field.form === 'single') return formatValue(field.value, value as ConfigScalar | ConfigMessage | undefined);
  const entries = value instanceof Map ? [...value] : [];
  return Object.fromEntries(entries.map(([key, item]) => [key, formatValue(field.value, item as ConfigScalar | ConfigMessage)]));
}

function formatValue(kind: ValueKind, value: ConfigScalar | ConfigMessage | undefined): JsonValue {
  if (kind.type === 'message') return formatMessage(kind.message, isMessage(value) ? value : {});
  if (value !== undefined && !isMessage(value)) return value;
  if (kind.type === 'enum') return kind.names[0] ?? '';
  return kind.scalar === 'string' ? '' : kind.scalar === 'bool' ? false : 0;
}
