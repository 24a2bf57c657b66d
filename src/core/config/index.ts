export { configSchema, modelSchema, type Config, type ModelConfig } from './schema.ts';
