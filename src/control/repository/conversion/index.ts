export { readModelConfig, type ConfigPlace, type ReadConfig } from './read-model-config.ts';
export type { Hosting, VersionPolicy } from './read-hosting.ts';
export { checkFileName, refuse } from './refuse.ts';
