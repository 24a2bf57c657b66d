export { catalog, sourcesOf } from './catalog/index.ts';
export { openModelStore } from './model-store.ts';
export type {
  ModelStore,
  ModelStoreOptions,
  ObtainedModel,
  ObtainOptions,
  PullProgress,
  StoredFile,
  StoredModel,
} from './store-contract.ts';
export { screenOnnxFile, type GgufSummary } from './screening/index.ts';
