export { configFields, type ConfigField, type FieldKind } from './config-fields.ts';
export { formatSource, type ConfigSource } from './config-source.ts';
export { loadConfig, type ConfigInput, type LoadedConfig } from './load-config.ts';
export { configSchema, modelSchema, type Config, type ModelConfig } from './schema.ts';
