export { catalog, type CatalogEntry } from './catalog.ts';
export { openModelStore } from './model-store.ts';
export type { ModelStore, ModelStoreOptions, ObtainedModel, ObtainOptions, PullProgress, StoredModel } from './store-contract.ts';
export { screenModelFile, type GgufSummary, type ScreenOptions } from './screening/index.ts';
