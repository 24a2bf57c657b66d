/** A message as it was read: fields that were given, by their names in model_config.proto. Numbers of 64 bits are safe integers. */
export interface ConfigMessage {
  readonly [field: string]: ConfigValue;
}

export type ConfigScalar = string | number | boolean;
export type ConfigValue = ConfigScalar | ConfigMessage | ReadonlyArray<ConfigScalar | ConfigMessage> | ConfigMap;
export type ConfigMap = ReadonlyMap<string, ConfigScalar | ConfigMessage>;

/** Where a message is being put together. */
export interface MessageDraft {
  [field: string]: ConfigValue;
}

export function isMessage(value: ConfigValue | undefined): value is ConfigMessage {
  return typeof value === 'object' && !Array.isArray(value) && !(value instanceof Map);
}
